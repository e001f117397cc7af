// Compares every word that a layer emits with the golden file, in order, and says which was wrong first.
`default_nettype none
module snn_monitor #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter FILE = "golden.mem",
    parameter NAME = "layer"
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             en,
    input  wire [WIDTH-1:0] data,
    output reg  [31:0]      seen,
    output reg  [31:0]      wrong
);
    reg [WIDTH-1:0] golden [0:DEPTH-1];
    initial $readmemh(FILE, golden, 0, DEPTH - 1);
    initial wrong = 0;

    always @(posedge clk)
        if (rst) seen <= 0;
        else if (en) begin
            seen <= seen + 1;
            if (seen >= DEPTH || data !== golden[seen]) begin
                if (wrong == 0) $display("MISMATCH %0s word %0d: got %h, expected %h", NAME, seen, data, golden[seen]);
                wrong <= wrong + 1;
            end
        end
endmodule
`default_nettype wire
