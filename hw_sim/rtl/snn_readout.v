// AXI4-Stream output: the readout's values in ascending order, one beat each, then one beat with the class and tlast.
// The class is the lowest index of the largest value; with one value it is (value > 0).
`default_nettype none
module snn_readout #(
    parameter LANES = 4,
    parameter VW = 16,
    parameter WORDS = 4,
    parameter SAW = 2,
    parameter GROUPS = 1,           // words per position ...
    parameter LAST_LANES = 4,       // ... the last of which holds this many values
    parameter DW = 16,
    parameter CLASSW = 4,
    parameter SINGLE = 0
) (
    input  wire                clk,
    input  wire                rst,
    output wire                w_ready,
    input  wire                w_en,
    input  wire [LANES*VW-1:0] w_data,
    input  wire                w_commit,
    output wire [DW-1:0]       m_axis_tdata,
    output wire                m_axis_tvalid,
    input  wire                m_axis_tready,
    output wire                m_axis_tlast
);
    localparam LW = (LANES > 1) ? $clog2(LANES) : 1;
    localparam GW = (GROUPS > 1) ? $clog2(GROUPS) : 1;
    localparam [LW-1:0] L_END = LANES - 1, L_END_LAST = LAST_LANES - 1;
    localparam [GW-1:0] G_END = GROUPS - 1;
    localparam [SAW-1:0] W_END = WORDS - 1;
    localparam [1:0] FETCH = 2'd0, VALUE = 2'd1, CLASS = 2'd2;

    reg [1:0]           state_q;
    reg                 full_q;
    reg [SAW-1:0]       addr_q;
    reg [LW-1:0]        lane_q;
    reg [GW-1:0]        group_q;
    reg [CLASSW-1:0]    index_q, class_q;
    reg signed [VW-1:0] best_q;

    wire [LANES*VW-1:0] rdata;
    reg signed [VW-1:0] value;
    integer i;
    always @* begin
        value = rdata[0 +: VW];
        for (i = 1; i < LANES; i = i + 1)
            if (lane_q == i) value = rdata[i*VW +: VW];
    end
    wire signed [DW-1:0] wide = value;
    wire [DW-1:0] winner = class_q;
    wire sent = m_axis_tvalid && m_axis_tready;
    wire end_word = lane_q == (group_q == G_END ? L_END_LAST : L_END);
    wire next_addr = w_en || (state_q == VALUE && sent && end_word);   // written in order, then read in order
    wire better = (SINGLE != 0) ? value > 0 : (index_q == 0 || value > best_q);

    assign w_ready = !full_q;
    assign m_axis_tvalid = state_q != FETCH;
    assign m_axis_tlast = state_q == CLASS;
    assign m_axis_tdata = state_q == CLASS ? winner : wide;

    snn_ram #(.WIDTH(LANES * VW), .DEPTH(WORDS), .AW(SAW)) u_values (
        .clk(clk), .we(w_en), .waddr(addr_q), .wdata(w_data), .raddr(addr_q), .rdata(rdata));

    always @(posedge clk)
        if (rst) begin
            state_q <= FETCH;
            full_q <= 1'b0;
            addr_q <= 0;
            lane_q <= 0;
            group_q <= 0;
            index_q <= 0;
            class_q <= 0;
        end else begin
            if (w_commit) full_q <= 1'b1;
            if (next_addr) addr_q <= addr_q == W_END ? {SAW{1'b0}} : addr_q + 1'b1;
            case (state_q)
                FETCH: if (full_q) state_q <= VALUE;
                VALUE: if (sent) begin
                    index_q <= index_q + 1'b1;
                    lane_q <= end_word ? {LW{1'b0}} : lane_q + 1'b1;
                    if (better) begin
                        best_q <= value;
                        class_q <= (SINGLE != 0) ? 1 : index_q;
                    end
                    if (end_word) begin
                        group_q <= group_q == G_END ? {GW{1'b0}} : group_q + 1'b1;
                        state_q <= addr_q == W_END ? CLASS : FETCH;
                    end
                end
                default: if (sent) begin
                    state_q <= FETCH;
                    full_q <= 1'b0;
                    index_q <= 0;
                    class_q <= 0;
                end
            endcase
        end
endmodule
`default_nettype wire
