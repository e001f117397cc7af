// Counts the spikes of every element of a frame, for a maximum of counts: beside each word that the scanner loads, how
// often each of its lanes has fired in this image so far. A lane that fires offers {count before, 1}, another one 0.
// The words of a frame come in order, one at each `load`. `restart`: the next frame is an image's first.
`default_nettype none
module snn_tally #(
    parameter LANES = 4,
    parameter TALLY = 4,        // bits of a count
    parameter WORDS = 4,
    parameter PW = 2
) (
    input  wire                       clk,
    input  wire                       rst,
    input  wire                       frame_end,
    input  wire                       restart,
    input  wire                       load,
    input  wire [LANES-1:0]           spikes,
    output wire [LANES*(TALLY+1)-1:0] o_data
);
    localparam [PW-1:0] P_END = WORDS - 1;

    reg                    first_q;
    reg [PW-1:0]           word_q;
    wire [PW-1:0]          next = word_q == P_END ? {PW{1'b0}} : word_q + 1'b1;
    wire [LANES*TALLY-1:0] held, counts;

    always @(posedge clk)
        if (rst) begin
            first_q <= 1'b1;
            word_q <= 0;
        end else begin
            if (frame_end) first_q <= restart;
            if (load) word_q <= next;
        end

    snn_ram #(.WIDTH(LANES * TALLY), .DEPTH(WORDS), .AW(PW)) u_counts (
        .clk(clk), .we(load), .waddr(word_q), .wdata(counts), .raddr(load ? next : word_q), .rdata(held));

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : g_lane
            wire [TALLY-1:0] fired = first_q ? {TALLY{1'b0}} : held[i*TALLY +: TALLY];
            assign counts[i*TALLY +: TALLY] = fired + spikes[i];
            assign o_data[i*(TALLY+1) +: TALLY+1] = spikes[i] ? {fired, 1'b1} : {(TALLY+1){1'b0}};
        end
    endgenerate
endmodule
`default_nettype wire
