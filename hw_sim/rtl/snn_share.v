// What decays: `part` 4096ths of x, a cycle later; rounded down, or towards zero (ZERO).
//   share = floor(x*part / 4096)          ZERO: sign(x) * floor(|x|*part / 4096)          0 <= part <= 4096
// A part that never changes is the parameter FIXED, so that tools that map module by module see a constant: a power of
// two is a shift, of 0 nothing is left.
`default_nettype none
module snn_share #(
    parameter W = 16,
    parameter ZERO = 0,
    parameter FIXED = -1                // -1: it comes by the port
) (
    input  wire                clk,
    input  wire signed [W-1:0] x,
    input  wire        [12:0]  part,
    output wire signed [W-1:0] share
);
    localparam [12:0] CONSTANT = FIXED;
    wire [12:0]       by = FIXED >= 0 ? CONSTANT : part;
    reg [W+12:0]      product_q;
    generate
        if (ZERO != 0) begin : g_zero
            reg          below_q;
            wire [W-1:0] size = x[W-1] ? -x : x;
            wire [W-1:0] whole = product_q[W+11:12];
            assign share = below_q ? -whole : whole;
            always @(posedge clk) begin
                product_q <= size * by;
                below_q <= x[W-1];
            end
        end else begin : g_floor
            assign share = product_q[W+11:12];
            always @(posedge clk) product_q <= x * $signed({1'b0, by});
        end
    endgenerate
endmodule
`default_nettype wire
