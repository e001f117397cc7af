// snn_gather: the parts that come leave PARTS at a time, in order, the first one lowest, with the last one of them.
module check_gather #(
    parameter PARTS = 3, WIDTH = 2
) (
    input wire             clk, rst, i_en,
    input wire [WIDTH-1:0] i_data
);
    wire                   o_en;
    wire [PARTS*WIDTH-1:0] o_data;
    snn_gather #(.PARTS(PARTS), .WIDTH(WIDTH)) dut (
        .clk(clk), .rst(rst), .i_en(i_en), .i_data(i_data), .o_en(o_en), .o_data(o_data));

    reg                       began = 1'b0;
    reg [7:0]                 part_q;
    reg [(PARTS-1)*WIDTH-1:0] word_q;       // those that have come, each in its place
    always @(posedge clk) begin
        began <= 1'b1;
        part_q <= rst ? 0 : (part_q + i_en) % PARTS;
        if (i_en && part_q != PARTS - 1) word_q[part_q*WIDTH +: WIDTH] <= i_data;
    end

    (* inside = "held_q" *) wire [(PARTS-1)*WIDTH-1:0] held;
    integer k;
    always @* begin
        assume (began || rst);
        if (began) begin
            assert (part_q < PARTS && o_en == (i_en && part_q == PARTS - 1));
            if (o_en) assert (o_data == {i_data, word_q});
            for (k = 0; k < PARTS - 1; k = k + 1)       // for induction: the newest is highest
                if (k < part_q) assert (held[(PARTS-1-part_q+k)*WIDTH +: WIDTH] == word_q[k*WIDTH +: WIDTH]);
        end
    end
    (* inside = "part_q" *) wire [$clog2(PARTS)-1:0] part;
    always @* if (began) assert (part == part_q);
endmodule
