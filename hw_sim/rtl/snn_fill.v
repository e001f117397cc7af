// Beats of a bus become the words of a memory: BEATS of them a word, the first one lowest, word after word from address 0
// to DEPTH - 1 and round again. A word is written in the cycle of its last beat.
`default_nettype none
module snn_fill #(
    parameter DW = 64,          // bits of a beat
    parameter BEATS = 1,        // of a word
    parameter WIDTH = 64,       // bits of a word
    parameter DEPTH = 16,
    parameter AW = 4
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             en,
    input  wire [DW-1:0]    data,
    output wire             we,
    output wire [AW-1:0]    addr,
    output wire [WIDTH-1:0] word
);
    localparam [AW-1:0] A_END = DEPTH - 1;
    reg [AW-1:0] addr_q;

    assign addr = addr_q;
    always @(posedge clk)
        if (rst) addr_q <= 0;
        else if (we) addr_q <= addr_q == A_END ? {AW{1'b0}} : addr_q + 1'b1;

    generate
        if (BEATS > 1) begin : g_several
            localparam BW = $clog2(BEATS), HELD = (BEATS - 1) * DW;
            localparam [BW-1:0] B_END = BEATS - 1;
            reg [BW-1:0]   beat_q;
            reg [HELD-1:0] held_q;
            wire [HELD+DW-1:0] all = {data, held_q};
            assign we = en && beat_q == B_END;
            assign word = all[WIDTH-1:0];
            always @(posedge clk) begin
                if (rst || we) beat_q <= 0;
                else if (en) beat_q <= beat_q + 1'b1;
                if (en) held_q <= all[HELD+DW-1:DW];
            end
        end else begin : g_one
            assign we = en;
            assign word = data[WIDTH-1:0];
        end
    endgenerate
endmodule
`default_nettype wire
