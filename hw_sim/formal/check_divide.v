// snn_divide: LATENCY cycles after a division enters, its quotient n is out, and it is clip(floor(u / d), 0, 2^QB - 1):
// n*d <= u < (n + 1)*d, of a negative u 0, at most 2^QB - 1. Nothing else comes out.
module check_divide #(
    parameter UW = 5, DW = 3, STAGES = 2, PERIOD = 2
) (
    input wire                 clk, rst, i_valid,
    input wire signed [UW-1:0] i_dividend,
    input wire [DW-1:0]        i_divisor
);
    localparam QB = STAGES * PERIOD, W = UW + DW + QB + 2;

    wire          o_valid;
    wire [QB-1:0] o_quotient;
    snn_divide #(.UW(UW), .DW(DW), .STAGES(STAGES), .PERIOD(PERIOD)) dut (
        .clk(clk), .rst(rst), .i_valid(i_valid), .i_dividend(i_dividend), .i_divisor(i_divisor),
        .o_valid(o_valid), .o_quotient(o_quotient));

    reg            began = 1'b0;
    reg [QB-1:0]   valid_q;         // what entered, newest first
    reg [QB*UW-1:0] dividends_q;
    reg [QB*DW-1:0] divisors_q;
    always @(posedge clk) begin
        began <= 1'b1;
        valid_q <= rst ? {QB{1'b0}} : {valid_q, i_valid};
        dividends_q <= {dividends_q, i_dividend};
        divisors_q <= {divisors_q, i_divisor};
    end

    wire signed [UW-1:0] u = dividends_q[(QB-1)*UW +: UW];
    wire signed [DW:0]   d = divisors_q[(QB-1)*DW +: DW];
    wire signed [QB:0]   n = o_quotient;
    wire signed [W-1:0]  below = n * d, above = below + d;
    integer i;
    always @* begin
        assume (began || rst);
        assume (i_divisor != 0);
        for (i = 0; i < PERIOD - 1; i = i + 1) assume (!(i_valid && valid_q[i]));
        if (began) begin
            assert (o_valid == valid_q[QB-1]);
            if (o_valid) begin
                assert (u < 0 ? n == 0 : below <= u);
                assert (u < above || &o_quotient);
            end
        end
    end
endmodule
