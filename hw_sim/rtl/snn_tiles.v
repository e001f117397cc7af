// A ring of SLOTS tiles of TILE weight words, filled in order by a reader that asks for bursts ahead. `room`: for BURST
// beats more than those that have been asked for. `ready`: the oldest tile is there whole; `release` makes room for another.
`default_nettype none
module snn_tiles #(
    parameter DW = 64,
    parameter BEATS = 1,        // of a word
    parameter WIDTH = 64,
    parameter TILE = 16,
    parameter SLOTS = 2,
    parameter AW = 5,           // address width of SLOTS * TILE words
    parameter BURST = 16        // SLOTS * TILE * BEATS >= TILE * BEATS + BURST
) (
    input  wire             clk,
    input  wire             rst,
    output wire             room,
    input  wire             asked,
    input  wire [6:0]       asked_beats,
    input  wire             en,
    input  wire [DW-1:0]    data,
    output wire             ready,
    input  wire             release_tile,
    output wire             we,
    output wire [AW-1:0]    addr,
    output wire [WIDTH-1:0] word
);
    localparam DEPTH = SLOTS * TILE;
    localparam FW = (DEPTH * BEATS < 128) ? 8 : $clog2(DEPTH * BEATS + 1), HW = $clog2(DEPTH + 1);
    localparam [FW-1:0] ALL = DEPTH * BEATS, TILE_BEATS = TILE * BEATS;
    localparam [HW-1:0] WHOLE = TILE;

    reg [FW-1:0] free_q;        // beats that nobody has asked for
    reg [HW-1:0] held_q;        // words

    snn_fill #(.DW(DW), .BEATS(BEATS), .WIDTH(WIDTH), .DEPTH(DEPTH), .AW(AW)) u_fill (
        .clk(clk), .rst(rst), .en(en), .data(data), .we(we), .addr(addr), .word(word));

    assign room = free_q >= BURST;
    assign ready = held_q >= WHOLE;
    always @(posedge clk)
        if (rst) begin
            free_q <= ALL;
            held_q <= 0;
        end else begin
            free_q <= free_q + (release_tile ? TILE_BEATS : {FW{1'b0}}) - (asked ? {{(FW-7){1'b0}}, asked_beats} : {FW{1'b0}});
            held_q <= held_q + {{(HW-1){1'b0}}, we} - (release_tile ? WHOLE : {HW{1'b0}});
        end
endmodule
`default_nettype wire
