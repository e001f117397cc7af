// Gathers PARTS parts in a row to one word, the first part lowest; the word leaves in the cycle in which its last part comes.
`default_nettype none
module snn_gather #(
    parameter PARTS = 2,
    parameter WIDTH = 4         // of a part
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   i_en,
    input  wire [WIDTH-1:0]       i_data,
    output wire                   o_en,
    output wire [PARTS*WIDTH-1:0] o_data
);
    localparam NW = $clog2(PARTS);
    localparam [NW-1:0] N_END = PARTS - 1;

    reg [NW-1:0]              part_q;
    reg [(PARTS-1)*WIDTH-1:0] held_q;       // the oldest lowest

    assign o_en = i_en && part_q == N_END;
    assign o_data = {i_data, held_q};

    always @(posedge clk) begin
        if (rst) part_q <= 0;
        else if (i_en) part_q <= part_q == N_END ? {NW{1'b0}} : part_q + 1'b1;
        if (i_en) held_q <= o_data[PARTS*WIDTH-1:WIDTH];
    end
endmodule
`default_nettype wire
