// What one event adds to LANES potentials: 2^SHIFT * weight * value, per lane. The weight word is read from the ROM in
// the cycle of i_valid and held in registers a cycle later, because block RAMs answer late; o_data belongs to the cycle
// after o_valid, when the potential word has been read too; without an event it is 0 (MAXIMUM: nothing in particular).
// WRITABLE (with TAPS = 1 and DEEP = 0): the weights are written from outside (snn_fill) and not in a file.
// DEEP: weights come a cycle later, from a register behind the ROM, which lies in BLOCKS blocks beside each other, since
// block RAM answers late; products are registered. All that goes along comes two cycles later.
// VALUES = 0: events are spikes (value 1), no multiplier. ONES: every weight is 1, no ROM.
// A weight word has TAPS times LANES weights, for as many words of potentials; `i_mask` (which of them) goes along.
// An event brings the values of PACK neighbouring channels, the first one lowest; all but channel-wise edges have one.
// LANES_PER_CHANNEL > 0: only the event's block of PACK times that many lanes takes part; the others add 0, or with
// MAXIMUM (which needs VALUES) offer the lowest value.
`default_nettype none
module snn_lanes #(
    parameter LANES = 4,
    parameter TAPS = 1,
    parameter WB = 8,
    parameter CW = 1,
    parameter VALUES = 0,
    parameter VALUE_SIGNED = 0,
    parameter ONES = 0,
    parameter LANES_PER_CHANNEL = 0,
    parameter PACK = 1,
    parameter MAXIMUM = 0,
    parameter DEEP = 0,
    parameter BLOCKS = 1,
    parameter SHIFT = 0,
    parameter VW = 16,
    parameter WDEPTH = 16,
    parameter WAW = 4,
    parameter VAW = 4,
    parameter BW = 1,
    parameter WRITABLE = 0,
    parameter FILE = "w.mem"
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                w_we,
    input  wire [WAW-1:0]      w_addr,
    input  wire [LANES*WB-1:0] w_data,
    input  wire                i_valid,
    input  wire [WAW-1:0]      i_waddr,
    input  wire [VAW-1:0]      i_vaddr,
    input  wire [TAPS-1:0]     i_mask,
    input  wire [PACK*CW-1:0]  i_value,
    input  wire [BW-1:0]       i_block,
    output wire                busy,
    output wire                o_valid,
    output wire [VAW-1:0]      o_vaddr,
    output wire [TAPS-1:0]     o_mask,
    output wire [TAPS*LANES*VW-1:0] o_data
);
    localparam PB = WB + CW + 1;                    // a product's width
    localparam ALL = TAPS * LANES;
    localparam [ALL*WB-1:0] ALL_ONES = {ALL{{{(WB-1){1'b0}}, 1'b1}}};

    reg                 valid_q;
    reg  [VAW-1:0]      vaddr_q;
    reg  [TAPS-1:0]     mask_q;
    reg  [PACK*CW-1:0]  value1_q, value2_q;
    reg  [BW-1:0]       block_q;
    wire [ALL*WB-1:0]   weights;

    wire                w_valid;                // of the access whose weights come next
    wire [VAW-1:0]      w_vaddr;
    wire [TAPS-1:0]     w_mask;
    wire [PACK*CW-1:0]  w_value;
    wire [BW-1:0]       w_block;

    always @(posedge clk) begin
        valid_q <= w_valid && !rst;
        vaddr_q <= w_vaddr;
        mask_q <= w_mask;
        if (rst) value1_q <= 0;
        else if (w_valid) value1_q <= w_value;
        value2_q <= value1_q;
        block_q <= w_block;
    end
    generate
        if (DEEP != 0) begin : g_deep
            reg            first_q, late_q;
            reg [VAW+TAPS+PACK*CW+BW-1:0] along_q;
            reg [VAW-1:0]  late_vaddr_q;
            reg [TAPS-1:0] late_mask_q;
            always @(posedge clk) begin
                first_q <= i_valid && !rst;
                along_q <= {i_vaddr, i_mask, i_value, i_block};
                late_q <= valid_q && !rst;
                late_vaddr_q <= vaddr_q;
                late_mask_q <= mask_q;
            end
            assign {o_valid, o_vaddr, o_mask} = {late_q, late_vaddr_q, late_mask_q};
            assign {w_valid, w_vaddr, w_mask, w_value, w_block} = {first_q, along_q};
            assign busy = first_q || valid_q || late_q;
        end else begin : g_soon
            assign {w_valid, w_vaddr, w_mask, w_value, w_block} = {i_valid, i_vaddr, i_mask, i_value, i_block};
            assign {o_valid, o_vaddr, o_mask} = {valid_q, vaddr_q, mask_q};
            assign busy = valid_q;
        end
    endgenerate

    generate
        if (ONES != 0) begin : g_ones
            assign weights = ALL_ONES;
        end
        if (ONES == 0 && WRITABLE != 0) begin : g_ram
            snn_ram #(.WIDTH(LANES * WB), .DEPTH(WDEPTH), .AW(WAW)) u_weights (
                .clk(clk), .we(w_we), .waddr(w_addr), .wdata(w_data), .raddr(i_waddr), .rdata(weights));
        end
        if (ONES == 0 && WRITABLE == 0) begin : g_rom
            snn_rom #(.WIDTH(ALL * WB), .DEPTH(WDEPTH), .AW(WAW), .LATE(DEEP), .BLOCKS(BLOCKS), .FILE(FILE)) u_weights (
                .clk(clk), .addr(i_waddr), .data(weights));
        end
    endgenerate

    genvar i;
    generate
        for (i = 0; i < ALL; i = i + 1) begin : g_lane
            reg signed [WB-1:0]  weight_q;
            wire                 active, there;
            wire signed [VW-1:0] amount;
            localparam PER = (LANES_PER_CHANNEL != 0) ? LANES_PER_CHANNEL : LANES;
            localparam LANE = i % LANES, ELEMENT = (LANE / PER) % PACK;
            if (PER * PACK < LANES) begin : g_masked
                localparam [BW-1:0] BLOCK = LANE / (PER * PACK);
                assign active = block_q == BLOCK;
            end else begin : g_whole
                assign active = 1'b1;
            end
            if (VALUES == 0 && PACK > 1) begin : g_bit
                assign there = value1_q[ELEMENT];
            end else begin : g_any
                assign there = 1'b1;
            end
            always @(posedge clk)
                if (active && there && valid_q) weight_q <= weights[i*WB +: WB];
                else weight_q <= 0;
            if (VALUES != 0) begin : g_product
                wire [CW-1:0]        element = value2_q[ELEMENT*CW +: CW];
                wire signed [CW:0]   value = {(VALUE_SIGNED != 0) & element[CW-1], element};
                wire signed [PB-1:0] product = weight_q * value;
                if (MAXIMUM != 0) begin : g_lowest
                    localparam signed [VW-1:0] BIT = 1, LOWEST = BIT << (VW - 1);
                    reg active_q;
                    always @(posedge clk) active_q <= active;
                    assign amount = active_q ? product : LOWEST;
                end else begin : g_zero
                    assign amount = product;
                end
            end else begin : g_spike
                assign amount = weight_q;
            end
            if (DEEP != 0) begin : g_registered
                reg signed [VW-1:0] amount_q;
                always @(posedge clk) amount_q <= amount;
                assign o_data[i*VW +: VW] = amount_q <<< SHIFT;
            end else begin : g_at_once
                assign o_data[i*VW +: VW] = amount <<< SHIFT;
            end
        end
    endgenerate
endmodule
`default_nettype wire
