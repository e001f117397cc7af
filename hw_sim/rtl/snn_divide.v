// Restoring division, one quotient bit a cycle: quotient = clip(floor(dividend / divisor), 0, 2^(STAGES*PERIOD) - 1).
// The dividend is signed (a negative one gives 0), the divisor positive. STAGES stages of PERIOD cycles each: a new
// division may enter every PERIOD cycles and leaves STAGES*PERIOD cycles later.
`default_nettype none
module snn_divide #(
    parameter UW = 16,
    parameter DW = 16,
    parameter STAGES = 1,
    parameter PERIOD = 4
) (
    input  wire                     clk,
    input  wire                     rst,
    input  wire                     i_valid,
    input  wire signed [UW-1:0]     i_dividend,
    input  wire [DW-1:0]            i_divisor,
    output wire                     o_valid,
    output wire [STAGES*PERIOD-1:0] o_quotient
);
    localparam QB = STAGES * PERIOD;
    localparam RW = ((UW > DW + QB) ? UW : DW + QB) + 1;
    localparam CNTW = (PERIOD > 1) ? $clog2(PERIOD) : 1;
    localparam [CNTW-1:0] C_END = PERIOD - 1;

    wire [STAGES:0]        valid;
    wire [(STAGES+1)*RW-1:0] rest, scaled;
    wire [(STAGES+1)*QB-1:0] quotient;

    wire signed [RW-1:0] dividend = i_dividend;
    wire [RW-1:0] divisor = i_divisor;
    assign valid[0] = i_valid;
    assign rest[0 +: RW] = dividend;
    assign scaled[0 +: RW] = divisor << (QB - 1);
    assign quotient[0 +: QB] = {QB{1'b0}};
    assign o_valid = valid[STAGES];
    assign o_quotient = quotient[STAGES*QB +: QB];

    genvar s;
    generate
        for (s = 0; s < STAGES; s = s + 1) begin : g_stage
            reg                 busy_q;
            reg [CNTW-1:0]      count_q;
            reg signed [RW-1:0] rest_q, scaled_q;
            reg [QB-1:0]        quotient_q;
            wire fits = rest_q >= scaled_q;
            wire signed [RW-1:0] less = rest_q - scaled_q;
            wire [QB:0] shifted = {quotient_q, fits};

            assign valid[s+1] = busy_q && count_q == 0;
            assign rest[(s+1)*RW +: RW] = fits ? less : rest_q;
            assign scaled[(s+1)*RW +: RW] = scaled_q >>> 1;
            assign quotient[(s+1)*QB +: QB] = shifted[QB-1:0];

            always @(posedge clk) begin
                if (rst) busy_q <= 1'b0;
                else if (valid[s]) busy_q <= 1'b1;
                else if (count_q == 0) busy_q <= 1'b0;
                if (valid[s] || PERIOD == 1) begin
                    count_q <= C_END;
                    rest_q <= rest[s*RW +: RW];
                    scaled_q <= scaled[s*RW +: RW];
                    quotient_q <= quotient[s*QB +: QB];
                end else begin
                    count_q <= count_q - 1'b1;
                    rest_q <= rest[(s+1)*RW +: RW];
                    scaled_q <= scaled[(s+1)*RW +: RW];
                    quotient_q <= shifted[QB-1:0];
                end
            end
        end
    endgenerate
endmodule
`default_nettype wire
