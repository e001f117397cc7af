// Bands (frames or parts of one) between a writer and one reader: a ring of words with room for BANKS whole bands, and
// each band's meta word. The writer may start a band while w_ready and writes all of its words in order (an empty frame
// has none). The reader follows word by word: word raddr may be read when raddr is not w_addr, the next one to be written,
// or the whole band is there (have). The reader owns the oldest band until it releases it.
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
    input  wire          w_en,
    output wire [AW-1:0] w_addr,
    input  wire          w_commit,
    input  wire [MW-1:0] w_meta,
    output wire          have,
    output wire [MW-1:0] r_meta,
    input  wire          r_release
);
    localparam LW = $clog2(BANKS + 1);
    localparam IW = (BANKS > 1) ? $clog2(BANKS) : 1;
    localparam [AW-1:0] A_END = BANKS * WORDS - 1;

    reg [LW-1:0] level_q;
    reg [IW-1:0] w_index_q, r_index_q;
    reg [AW-1:0] w_addr_q;
    reg [MW-1:0] meta_q [0:BANKS-1];

    assign w_ready = level_q != BANKS;
    assign have = level_q != 0;
    assign w_addr = w_addr_q;
    assign r_meta = meta_q[r_index_q];

    always @(posedge clk) begin
        if (w_commit) meta_q[w_index_q] <= w_meta;
        if (rst) begin
            level_q <= 0;
            w_index_q <= 0;
            r_index_q <= 0;
            w_addr_q <= 0;
        end else begin
            if (w_commit && !r_release) level_q <= level_q + 1'b1;
            if (r_release && !w_commit) level_q <= level_q - 1'b1;
            if (w_commit) w_index_q <= w_index_q == BANKS - 1 ? {IW{1'b0}} : w_index_q + 1'b1;
            if (r_release) r_index_q <= r_index_q == BANKS - 1 ? {IW{1'b0}} : r_index_q + 1'b1;
            if (w_en) w_addr_q <= w_addr_q == A_END ? {AW{1'b0}} : w_addr_q + 1'b1;
        end
    end
endmodule
`default_nettype wire
