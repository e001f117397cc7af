// What decays: `part` 4096ths of x, a cycle later; rounded down, or towards zero (ZERO).
//   share = floor(x*part / 4096)          ZERO: sign(x) * floor(|x|*part / 4096)          0 <= part <= 4096
// Where `part` is a constant power of two the product is a shift, where it is 0 nothing is left of it.
`default_nettype none
module snn_share #(
    parameter W = 16,
    parameter ZERO = 0
) (
    input  wire                clk,
    input  wire signed [W-1:0] x,
    input  wire        [12:0]  part,
    output wire signed [W-1:0] share
);
    reg [W+12:0] product_q;
    generate
        if (ZERO != 0) begin : g_zero
            reg          below_q;
            wire [W-1:0] size = x[W-1] ? -x : x;
            wire [W-1:0] whole = product_q[W+11:12];
            assign share = below_q ? -whole : whole;
            always @(posedge clk) begin
                product_q <= size * part;
                below_q <= x[W-1];
            end
        end else begin : g_floor
            assign share = product_q[W+11:12];
            always @(posedge clk) product_q <= x * $signed({1'b0, part});
        end
    endgenerate
endmodule
`default_nettype wire
