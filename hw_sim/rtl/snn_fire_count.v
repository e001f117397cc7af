// The firing pass of `count` over the next band of WORDS / RING words: FIRE_LANES neurons every PERIOD cycles. `last`, with
// start: it is a frame's last band, so the next one is the first of the memory and of the parameters.
//   u = V*2^SCALE + b*T + v0;  n = clip(floor(u / theta), 0, T + CLIP_EXT);  V = 0
// MAXIMUM: u = max(V, v0) instead, and V restarts at the lowest value.
// The division is a restoring compare-subtract over STAGES*PERIOD quotient bits. FIRES = 0: u itself is the output;
// DEEP: words and parameters come two cycles after they were asked for, and b*T is registered: all is two cycles later.
// RELAYS too: u >>> theta, where theta holds a shift and v0 what rounding adds.
`default_nettype none
module snn_fire_count #(
    parameter LANES = 4,
    parameter VW = 16,
    parameter UW = VW,
    parameter SCALE = 0,
    parameter VAW = 4,
    parameter WORDS = 16,
    parameter RING = 1,
    parameter FIRES = 1,
    parameter RELAYS = 0,
    parameter FIRE_LANES = 4,
    parameter OUT_CW = 4,
    parameter TW = 4,
    parameter THW = 16,
    parameter BIASW = 16,
    parameter V0W = 16,
    parameter P_DEPTH = 1,
    parameter PAW = 1,
    parameter STAGES = 1,
    parameter PERIOD = 4,
    parameter CLIP_EXT = 0,
    parameter MAXIMUM = 0,
    parameter DEEP = 0
) (
    input  wire                                  clk,
    input  wire                                  rst,
    input  wire                                  start,
    input  wire                                  last,
    input  wire [TW-1:0]                         timesteps,
    output wire                                  done,
    output wire                                  read,
    output wire [VAW-1:0]                        raddr,
    input  wire [LANES*VW-1:0]                   rdata,
    output wire [PAW-1:0]                        p_addr,
    input  wire [FIRE_LANES*(THW+BIASW+V0W)-1:0] p_data,
    output wire                                  write,
    output wire [VAW-1:0]                        waddr,
    output wire [LANES*VW-1:0]                   wdata,
    output wire                                  o_en,
    output wire [FIRE_LANES*OUT_CW-1:0]          o_data
);
    localparam NP = THW + BIASW + V0W;
    localparam ADDED = 3;       // DEEP: bits of T up to which b*T is a sum, since a multiplier may be far away
    localparam SUBS = LANES / FIRE_LANES;
    localparam SW = (SUBS > 1) ? $clog2(SUBS) : 1;
    localparam CNTW = (PERIOD > 1) ? $clog2(PERIOD) : 1;
    localparam [VAW-1:0] V_END = WORDS - 1;
    localparam [PAW-1:0] P_END = P_DEPTH - 1;
    localparam [SW-1:0] S_END = SUBS - 1;
    localparam [CNTW-1:0] C_END = PERIOD - 1;
    localparam PARTS = WORDS / RING * SUBS;
    localparam OW = (PARTS > 1) ? $clog2(PARTS) : 1;
    localparam [OW-1:0] O_END = PARTS - 1;
    localparam [VW-1:0] BIT = 1, RESTART = (MAXIMUM != 0) ? BIT << (VW - 1) : 0;

    // stage 0: one part of a word is read at each tick
    reg             run_q, last_q, wait_q, valid1_q, valid2_q, valid3_q;
    reg [CNTW-1:0]  phase_q;
    reg [VAW-1:0]   addr_q, addr0_q, addr1_q;
    reg [SW-1:0]    sub_q, sub0_q, sub1_q;
    reg [PAW-1:0]   p_addr_q;
    reg [OW-1:0]    in_q, out_q;   // parts of words read and sent

    wire tick = run_q && phase_q == 0;
    wire sub_end = sub_q == S_END;
    wire read_end = tick && (RING > 1 ? in_q == O_END : sub_end && addr_q == V_END);
    wire frame_end = read_end && last_q;

    assign read = run_q;
    assign raddr = addr_q;
    assign p_addr = p_addr_q;
    assign write = valid1_q && sub1_q == S_END;
    assign waddr = addr1_q;
    assign wdata = {LANES{RESTART}};

    always @(posedge clk) begin
        if (rst) begin
            run_q <= 1'b0;
            {wait_q, valid1_q, valid2_q, valid3_q} <= 4'b0000;
        end else begin
            if (start) run_q <= 1'b1;
            else if (read_end) run_q <= 1'b0;
            wait_q <= tick;
            valid1_q <= DEEP != 0 ? wait_q : tick;
            valid2_q <= valid1_q;
            valid3_q <= valid2_q;
        end
        if (start) begin
            last_q <= last;
            phase_q <= 0;
            in_q <= 0;
            sub_q <= 0;
        end else begin
            phase_q <= phase_q == C_END ? {CNTW{1'b0}} : phase_q + 1'b1;
            if (tick) begin
                in_q <= in_q + 1'b1;
                sub_q <= sub_end ? {SW{1'b0}} : sub_q + 1'b1;
            end
        end
        if (rst || frame_end) begin
            addr_q <= 0;
            p_addr_q <= 0;
        end else if (tick) begin
            if (sub_end) addr_q <= addr_q == V_END ? {VAW{1'b0}} : addr_q + 1'b1;
            p_addr_q <= p_addr_q == P_END ? {PAW{1'b0}} : p_addr_q + 1'b1;
        end
        addr0_q <= addr_q;
        sub0_q <= sub_q;
        addr1_q <= DEEP != 0 ? addr0_q : addr_q;
        sub1_q <= DEEP != 0 ? sub0_q : sub_q;
        if (start) out_q <= 0;
        else if (o_en) out_q <= out_q + 1'b1;
    end

    assign done = o_en && out_q == O_END;

    reg [FIRE_LANES*VW-1:0] part;
    integer s;
    always @* begin
        part = rdata[0 +: FIRE_LANES*VW];
        for (s = 1; s < SUBS; s = s + 1)
            if (sub1_q == s) part = rdata[s*FIRE_LANES*VW +: FIRE_LANES*VW];
    end
    wire signed [TW:0] steps = {1'b0, timesteps};
    wire [TW:0] clip = timesteps + CLIP_EXT;

    wire u_valid = DEEP != 0 ? valid3_q : valid2_q;
    wire [FIRE_LANES-1:0] lane_valid;
    assign o_en = lane_valid[0];

    genvar i;
    generate
        for (i = 0; i < FIRE_LANES; i = i + 1) begin : g_lane
            wire signed [V0W-1:0]   v0 = p_data[i*NP +: V0W];
            wire signed [BIASW-1:0] b = p_data[i*NP + V0W +: BIASW];
            wire        [THW-1:0]   th = p_data[i*NP + V0W + BIASW +: THW];
            reg signed [VW-1:0]       v_q;
            reg signed [V0W-1:0]      v0_q;
            reg signed [BIASW-1:0]    b_q;
            wire signed [BIASW+TW:0]  bt;
            reg        [THW-1:0]      th_q, later_th_q;
            wire       [THW-1:0]      u_th = DEEP != 0 ? later_th_q : th_q;
            wire signed [UW-1:0]      u;

            always @(posedge clk) begin
                v_q <= part[i*VW +: VW];
                v0_q <= v0;
                b_q <= b;
                th_q <= th;
                later_th_q <= th_q;
            end
            if (DEEP != 0 && TW <= ADDED) begin : g_added
                localparam signed [BIASW+TW:0] NONE = 0;
                reg signed [BIASW+TW:0] sum;
                integer                 k;
                always @* begin
                    sum = NONE;
                    for (k = 0; k < TW; k = k + 1) sum = sum + (timesteps[k] ? b_q <<< k : NONE);
                end
                assign bt = sum;
            end else begin : g_product
                assign bt = b_q * steps;
            end
            if (MAXIMUM != 0) begin : g_max
                wire signed [UW-1:0] most = v_q > v0_q ? v_q : v0_q;
                reg signed [UW-1:0]  most_q;
                always @(posedge clk) most_q <= most;
                assign u = DEEP != 0 ? most_q : most;
            end else begin : g_sum
                wire signed [UW-1:0] v = v_q;
                if (DEEP != 0) begin : g_registered
                    reg signed [UW-1:0]    start_q;
                    reg signed [BIASW+TW:0] bt_q;
                    always @(posedge clk) begin
                        start_q <= (v <<< SCALE) + v0_q;
                        bt_q <= bt;
                    end
                    assign u = start_q + bt_q;
                end else begin : g_at_once
                    assign u = (v <<< SCALE) + bt + v0_q;
                end
            end

            if (FIRES != 0) begin : g_divide
                wire [STAGES*PERIOD-1:0] quotient;
                snn_divide #(.UW(UW), .DW(THW), .STAGES(STAGES), .PERIOD(PERIOD)) u_divide (
                    .clk(clk), .rst(rst), .i_valid(u_valid), .i_dividend(u), .i_divisor(u_th),
                    .o_valid(lane_valid[i]), .o_quotient(quotient));
                assign o_data[i*OUT_CW +: OUT_CW] = quotient > clip ? clip : quotient;
            end else begin : g_passes
                reg                 sent_q;
                reg signed [UW-1:0] u_q;
                always @(posedge clk) begin
                    sent_q <= u_valid && !rst;
                    u_q <= u;
                end
                assign lane_valid[i] = sent_q;
                if (RELAYS != 0) begin : g_relay
                    reg [THW-1:0] shift_q;
                    always @(posedge clk) shift_q <= u_th;
                    assign o_data[i*OUT_CW +: OUT_CW] = u_q >>> shift_q;
                end else begin : g_whole
                    assign o_data[i*OUT_CW +: OUT_CW] = u_q;
                end
            end
        end
    endgenerate
endmodule
`default_nettype wire
