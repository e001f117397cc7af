// Banks of one inter-layer buffer: which bank is written, which is read, how many are full, and each one's meta word.
// The writer may start a bank while w_ready; the reader owns the oldest full bank while have.
`default_nettype none
module snn_bank #(
    parameter BANKS = 2,
    parameter WORDS = 16,
    parameter AW = 5,        // address width of BANKS*WORDS words
    parameter MW = 8         // meta width
) (
    input  wire          clk,
    input  wire          rst,
    output wire          w_ready,
    output wire [AW-1:0] w_base,
    input  wire          w_commit,
    input  wire [MW-1:0] w_meta,
    output wire          have,
    output wire [AW-1:0] r_base,
    output wire [MW-1:0] r_meta,
    input  wire          r_release
);
    localparam LW = $clog2(BANKS + 1);
    localparam IW = (BANKS > 1) ? $clog2(BANKS) : 1;

    reg [LW-1:0] level_q;
    reg [IW-1:0] w_index_q, r_index_q;
    reg [AW-1:0] w_base_q, r_base_q;
    reg [MW-1:0] meta_q [0:BANKS-1];

    wire w_wrap = w_index_q == BANKS - 1;
    wire r_wrap = r_index_q == BANKS - 1;

    assign w_ready = level_q != BANKS;
    assign have = level_q != 0;
    assign w_base = w_base_q;
    assign r_base = r_base_q;
    assign r_meta = meta_q[r_index_q];

    always @(posedge clk) begin
        if (w_commit) meta_q[w_index_q] <= w_meta;
        if (rst) begin
            level_q <= 0;
            w_index_q <= 0;
            r_index_q <= 0;
            w_base_q <= 0;
            r_base_q <= 0;
        end else begin
            if (w_commit && !r_release) level_q <= level_q + 1'b1;
            if (r_release && !w_commit) level_q <= level_q - 1'b1;
            if (w_commit) begin
                w_index_q <= w_wrap ? {IW{1'b0}} : w_index_q + 1'b1;
                w_base_q <= w_wrap ? {AW{1'b0}} : w_base_q + WORDS[AW-1:0];
            end
            if (r_release) begin
                r_index_q <= r_wrap ? {IW{1'b0}} : r_index_q + 1'b1;
                r_base_q <= r_wrap ? {AW{1'b0}} : r_base_q + WORDS[AW-1:0];
            end
        end
    end
endmodule
`default_nettype wire
