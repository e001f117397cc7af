// Which edge each beat of the weights is for: BEATS[0] beats for edge 0, then those of edge 1, ... and round again.
`default_nettype none
module snn_deal #(
    parameter EDGES = 1,
    parameter [32*EDGES-1:0] BEATS = 16
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             en,
    output wire [EDGES-1:0] to,         // one of them
    output wire [31:0]      number,     // of the beat among its edge's
    output wire             last,       // of its edge
    output wire             whole       // of all
);
    reg [EDGES-1:0] to_q;
    reg [31:0]      number_q, beats;
    integer         e;

    always @* begin
        beats = BEATS[31:0];
        for (e = 1; e < EDGES; e = e + 1)
            if (to_q[e]) beats = BEATS[32*e +: 32];
    end
    assign to = to_q;
    assign number = number_q;
    assign last = number_q == beats - 1'b1;
    assign whole = last && to_q[EDGES-1];

    always @(posedge clk)
        if (rst) begin
            to_q <= 1;
            number_q <= 0;
        end else if (en) begin
            number_q <= last ? 32'd0 : number_q + 1'b1;
            if (last && EDGES > 1) to_q <= (to_q << 1) | {{(EDGES-1){1'b0}}, to_q[EDGES-1]};
        end
endmodule
`default_nettype wire
