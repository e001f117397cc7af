// snn_tiles: beats become words in order, at one address after the other round the ring; `ready` if and only if a whole tile
// is there; `room` if and only if BURST beats more than those asked for would fit, so that nothing is ever overwritten.
// Assumed: whoever asks asks for 1 to BURST beats where there is room, only what was asked for comes, and only a tile
// that is there is released.
module check_tiles #(
    parameter DW = 2, BEATS = 2, WIDTH = 3, TILE = 2, SLOTS = 3, AW = 3, BURST = 2
) (
    input wire          clk, rst, asked, en, release_tile,
    input wire [6:0]    asked_beats,
    input wire [DW-1:0] data
);
    localparam ALL = SLOTS * TILE * BEATS;

    wire             room, ready, we;
    wire [AW-1:0]    addr;
    wire [WIDTH-1:0] word;
    snn_tiles #(
        .DW(DW), .BEATS(BEATS), .WIDTH(WIDTH), .TILE(TILE), .SLOTS(SLOTS), .AW(AW), .BURST(BURST)
    ) dut (
        .clk(clk), .rst(rst), .room(room), .asked(asked), .asked_beats(asked_beats), .en(en), .data(data),
        .ready(ready), .release_tile(release_tile), .we(we), .addr(addr), .word(word));

    reg                began = 1'b0;
    reg [7:0]          coming_q, part_q, words_q, addr_q;     // beats asked for; of the word that comes; words that are there
    reg [BEATS*DW-1:0] beats_q;                               // the last ones, the latest highest
    wire [BEATS*DW-1:0] beats = {data, beats_q[BEATS*DW-1:DW]};
    wire whole = en && part_q == BEATS - 1;
    always @(posedge clk) begin
        began <= 1'b1;
        if (en) beats_q <= beats;
        coming_q <= rst ? 0 : coming_q + (asked ? asked_beats : 0) - en;
        part_q <= rst || whole ? 0 : part_q + en;
        words_q <= rst ? 0 : words_q + whole - (release_tile ? TILE : 0);
        addr_q <= rst ? 0 : whole ? (addr_q == SLOTS * TILE - 1 ? 0 : addr_q + 1'b1) : addr_q;
    end

    // for induction
    (* inside = "free_q" *) wire [7:0] free;
    (* inside = "held_q" *) wire [2:0] held;
    (* inside = "u_fill.addr_q" *) wire [AW-1:0] at;
    (* inside = "u_fill.g_several.beat_q" *) wire part;
    (* inside = "u_fill.g_several.held_q" *) wire [DW-1:0] first;
    always @* begin
        assume (began || rst);
        assume (!asked || (room && asked_beats != 0 && asked_beats <= BURST));
        assume (!en || coming_q != 0);
        assume (!release_tile || ready);
        if (began) begin
            assert (coming_q + part_q + words_q * BEATS <= ALL);
            assert (room == (coming_q + part_q + words_q * BEATS + BURST <= ALL));
            assert (ready == (words_q >= TILE));
            assert (we == whole);
            if (we) assert (addr == addr_q && word == beats[WIDTH-1:0]);
            if (we) assert (words_q < SLOTS * TILE);
            assert (part_q < BEATS && addr_q < SLOTS * TILE);
            assert (free == ALL - coming_q - part_q - words_q * BEATS && held == words_q && at == addr_q && part == part_q);
            if (part_q == 1) assert (first == beats_q[BEATS*DW-1 -: DW]);
        end
    end
endmodule
