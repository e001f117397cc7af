// Counts the spikes of every element of a frame, for a maximum of counts: beside each word that the scanner loads, how
// often each of its lanes has fired in this image so far. A lane that fires offers {count before, 1}, another one 0.
// SUMS: adds the values of a relay instead, and every lane offers its sum, this frame's value included.
// The words of a frame come in order, one at each `load`. `restart`: the next frame is an image's first.
`default_nettype none
module snn_tally #(
    parameter LANES = 4,
    parameter CW = 1,
    parameter TALLY = 4,        // bits of a count, or of a sum
    parameter SUMS = 0,
    parameter SIGNED = 0,       // SUMS: whether an element is
    parameter EW = TALLY + 1,   // bits of what a lane offers
    parameter WORDS = 4,
    parameter PW = 2
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                frame_end,
    input  wire                restart,
    input  wire                load,
    input  wire [LANES*CW-1:0] elements,
    output wire [LANES*EW-1:0] o_data
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
            wire [CW-1:0]    element = elements[i*CW +: CW];
            if (SUMS != 0) begin : g_sum
                wire [TALLY-1:0] value = {{(TALLY-CW){SIGNED != 0 && element[CW-1]}}, element};
                wire [TALLY-1:0] sum = fired + value;
                assign counts[i*TALLY +: TALLY] = sum;
                assign o_data[i*EW +: EW] = sum;
            end else begin : g_count
                assign counts[i*TALLY +: TALLY] = fired + element;
                assign o_data[i*EW +: EW] = element[0] ? {fired, 1'b1} : {EW{1'b0}};
            end
        end
    endgenerate
endmodule
`default_nettype wire
