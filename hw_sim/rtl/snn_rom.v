// Read-only memory from a $readmemh file, unconditional clocked read; with LATE a cycle later, from registers behind the
// memory, since block RAM answers late. With BLOCKS (and LATE) a word of the file holds that many words, BLOCK addresses
// apart, the first one lowest, so that the choice between them comes behind the registers; 1: a word of the file is a word.
// A missing or short file stops a simulation at time 0 (snn_words); synthesis tools report a missing file themselves and
// `snncc synth` checks every file beforehand.
`default_nettype none
module snn_rom #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter AW = 4,
    parameter LATE = 0,
    parameter BLOCKS = 1,
    parameter FILE = "rom.mem"
) (
    input  wire             clk,
    input  wire [AW-1:0]    addr,
    output wire [WIDTH-1:0] data
);
    localparam BLOCK = (DEPTH + BLOCKS - 1) / BLOCKS, WORDS = (BLOCKS > 1) ? 1 << $clog2(BLOCK) : DEPTH;
    localparam WORD = BLOCKS * WIDTH;

    reg [WORD-1:0] mem [0:WORDS-1];

    initial $readmemh(FILE, mem, 0, WORDS - 1);

`ifndef SYNTHESIS
    snn_words #(.FILE(FILE), .WIDTH(WORD), .DEPTH(WORDS)) u_words ();
`endif

    reg [WORD-1:0] data_q, late_q;
    always @(posedge clk) late_q <= data_q;

    generate
        if (BLOCKS > 1) begin : g_blocks
            localparam LOW = $clog2(WORDS);
            reg [AW-1:0]    block_q, late_block_q;
            reg [WIDTH-1:0] word;
            integer         b;
            always @(posedge clk) begin
                data_q <= mem[addr[LOW-1:0]];
                block_q <= addr >> LOW;
                late_block_q <= block_q;
            end
            always @* begin
                word = late_q[0 +: WIDTH];
                for (b = 1; b < BLOCKS; b = b + 1)
                    if (late_block_q == b) word = late_q[b*WIDTH +: WIDTH];
            end
            assign data = word;
        end else begin : g_whole
            always @(posedge clk) data_q <= mem[addr];
            assign data = LATE != 0 ? late_q : data_q;
        end
    endgenerate
endmodule
`default_nettype wire
