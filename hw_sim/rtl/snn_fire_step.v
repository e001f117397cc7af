// The firing pass of `step`: a word of LANES neurons a cycle, three stages (read, add, compare).
//   s = V + b + D (driven frames);  fire = s >= theta;  V = restart ? v0 : s - theta*fire
// FIRES = 0: s itself is the output and V = restart ? v0 : s.
// MAXIMUM = 1: of a constant current, max(V, v0) in driven frames, else 0; V restarts at the lowest value.
// MAXIMUM = 2: of counts of spikes; V is twice the largest count that was handed on, plus 1 where it has grown since.
// MAXIMUM = 3: of sums of values; V is this frame's largest, D the last one's, and what it has grown by is the output.
//   4: of frames of the input, which are over after T: nothing grows in frames that are not driven.
// DEEP: words and parameters come two cycles after they were asked for, so that all is a cycle later.
// RELAYS too: the output is s >>> theta, where theta holds a shift, and V = v0, what rounding adds.
`default_nettype none
module snn_fire_step #(
    parameter LANES = 4,
    parameter VW = 16,
    parameter VAW = 4,
    parameter WORDS = 16,
    parameter FIRES = 1,
    parameter RELAYS = 0,
    parameter MAXIMUM = 0,
    parameter OUT_CW = 1,
    parameter THW = 16,
    parameter BIASW = 16,
    parameter V0W = 16,
    parameter P_DEPTH = 1,
    parameter PAW = 1,
    parameter DEEP = 0
) (
    input  wire                               clk,
    input  wire                               rst,
    input  wire                               start,
    input  wire                               restart,
    input  wire                               driven,
    output wire                               done,
    output wire                               read,
    output wire [VAW-1:0]                     raddr,
    input  wire [LANES*VW-1:0]                rdata,
    input  wire [LANES*VW-1:0]                ddata,
    output wire [PAW-1:0]                     p_addr,
    input  wire [LANES*(THW+BIASW+V0W)-1:0]   p_data,
    output wire                               write,
    output wire [VAW-1:0]                     waddr,
    output wire [LANES*VW-1:0]                wdata,
    output wire [LANES*VW-1:0]                grown,        // MAXIMUM = 3, 4: the largest sum, D of the next frame
    output wire                               o_en,
    output wire [LANES*OUT_CW-1:0]            o_data
);
    localparam NP = THW + BIASW + V0W;
    localparam [VAW-1:0] V_END = WORDS - 1;
    localparam [PAW-1:0] P_END = P_DEPTH - 1;
    localparam [VW-1:0] BIT = 1, LOWEST = BIT << (VW - 1);

    reg            read_q, wait_q, valid1_q, valid2_q, last0_q, last1_q, last2_q;
    reg [VAW-1:0]  addr_q, addr0_q, addr1_q, addr2_q;
    reg [PAW-1:0]  p_addr_q;

    assign read = read_q;
    assign raddr = addr_q;
    assign p_addr = p_addr_q;
    assign write = valid2_q;
    assign waddr = addr2_q;
    assign o_en = valid2_q;
    assign done = valid2_q && last2_q;

    always @(posedge clk) begin
        if (rst) begin
            read_q <= 1'b0;
            wait_q <= 1'b0;
            valid1_q <= 1'b0;
            valid2_q <= 1'b0;
        end else begin
            if (start) read_q <= 1'b1;
            else if (addr_q == V_END) read_q <= 1'b0;
            wait_q <= read_q;
            valid1_q <= DEEP != 0 ? wait_q : read_q;
            valid2_q <= valid1_q;
        end
        if (start) begin
            addr_q <= 0;
            p_addr_q <= 0;
        end else begin
            addr_q <= addr_q + 1'b1;
            p_addr_q <= p_addr_q == P_END ? {PAW{1'b0}} : p_addr_q + 1'b1;
        end
        addr0_q <= addr_q;
        addr1_q <= DEEP != 0 ? addr0_q : addr_q;
        addr2_q <= addr1_q;
        last0_q <= addr_q == V_END;
        last1_q <= DEEP != 0 ? last0_q : addr_q == V_END;
        last2_q <= last1_q;
    end

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : g_lane
            wire signed [VW-1:0]    v = rdata[i*VW +: VW];
            wire signed [VW-1:0]    d = ddata[i*VW +: VW];
            wire signed [V0W-1:0]   v0 = p_data[i*NP +: V0W];
            wire signed [BIASW-1:0] b = p_data[i*NP + V0W +: BIASW];
            wire        [THW-1:0]   th = p_data[i*NP + V0W + BIASW +: THW];
            reg signed [VW-1:0]     s_q, v0_q;
            reg signed [THW:0]      th_q;

            wire signed [VW-1:0]    drive = (MAXIMUM >= 3) ? b : b + d;

            always @(posedge clk) begin
                s_q <= v + (driven ? drive : {VW{1'b0}});
                v0_q <= v0;
                th_q <= {1'b0, th};
            end

            if (FIRES != 0) begin : g_fires
                wire signed [VW:0] less = s_q - th_q;
                wire fire = !less[VW];                      // s >= theta, by the sign of the only subtraction
                assign wdata[i*VW +: VW] = restart ? v0_q : (fire ? less[VW-1:0] : s_q);
                assign o_data[i*OUT_CW +: OUT_CW] = fire;
            end else if (RELAYS != 0) begin : g_relays
                assign wdata[i*VW +: VW] = v0_q;
                assign o_data[i*OUT_CW +: OUT_CW] = s_q >>> th_q[THW-1:0];
            end else if (MAXIMUM == 1) begin : g_current
                wire signed [VW-1:0] most = s_q > v0_q ? s_q : v0_q;
                assign wdata[i*VW +: VW] = restart ? LOWEST : s_q;
                assign o_data[i*OUT_CW +: OUT_CW] = driven ? most : {VW{1'b0}};
            end else if (MAXIMUM == 2) begin : g_counts
                assign wdata[i*VW +: VW] = restart ? v0_q : s_q + {{(VW-1){1'b0}}, s_q[0]};
                assign o_data[i*OUT_CW +: OUT_CW] = s_q[0];
            end else if (MAXIMUM >= 3) begin : g_sums
                reg signed [VW-1:0] last_q;
                always @(posedge clk) last_q <= d;
                wire over = MAXIMUM == 4 && !driven;
                wire signed [VW-1:0] most = over ? last_q : s_q > v0_q ? s_q : v0_q;
                assign wdata[i*VW +: VW] = LOWEST;
                assign grown[i*VW +: VW] = restart ? {VW{1'b0}} : most;
                assign o_data[i*OUT_CW +: OUT_CW] = most - last_q;
            end else begin : g_passes
                assign wdata[i*VW +: VW] = restart ? v0_q : s_q;
                assign o_data[i*OUT_CW +: OUT_CW] = s_q;
            end
            if (MAXIMUM < 3) begin : g_no_sums
                assign grown[i*VW +: VW] = {VW{1'b0}};
            end
        end
    endgenerate
endmodule
`default_nettype wire
