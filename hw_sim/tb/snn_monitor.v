// Compares every word that a layer emits with the golden file, in order, and says which was wrong first.
// With +log it writes the words to NAME.log instead.
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
    integer log;
    snn_words #(.FILE(FILE), .WIDTH(WIDTH), .DEPTH(DEPTH), .GOLDEN(1)) u_words ();
    initial begin
        wrong = 0;
        log = 0;
        if ($test$plusargs("log")) log = $fopen({NAME, ".log"}, "w");
        else $readmemh(FILE, golden, 0, DEPTH - 1);
    end

    always @(posedge clk)
        if (rst) seen <= 0;
        else if (en) begin
            seen <= seen + 1;
            if (log != 0) $fdisplay(log, "%h", data);
            else if (seen >= DEPTH || data !== golden[seen]) begin
                if (wrong == 0) $display("MISMATCH %0s word %0d: got %h, expected %h", NAME, seen, data, golden[seen]);
                wrong <= wrong + 1;
            end
        end
endmodule
`default_nettype wire
