// snn_skid is a queue of two: what enters leaves in order, once, a cycle later at the earliest; there is room if and only if
// fewer than two are in it. Neither the sender's nor the receiver's pace matters.
module check_skid #(
    parameter WIDTH = 2
) (
    input wire             clk, rst, i_valid, o_ready,
    input wire [WIDTH-1:0] i_data
);
    wire             i_ready, o_valid;
    wire [WIDTH-1:0] o_data;
    snn_skid #(.WIDTH(WIDTH)) dut (
        .clk(clk), .rst(rst), .i_valid(i_valid), .i_ready(i_ready), .i_data(i_data), .o_valid(o_valid), .o_ready(o_ready),
        .o_data(o_data));

    reg                began = 1'b0;
    reg [1:0]          level_q;
    reg [2*WIDTH-1:0]  queue_q;     // the oldest lowest
    wire               enter = i_valid && i_ready, leave = o_valid && o_ready;
    wire [1:0]         left = level_q - leave;
    wire [2*WIDTH-1:0] shorter = leave ? queue_q >> WIDTH : queue_q;
    always @(posedge clk) begin
        began <= 1'b1;
        level_q <= rst ? 0 : left + enter;
        if (enter && left == 0) queue_q <= i_data;
        else if (enter) queue_q <= {i_data, shorter[WIDTH-1:0]};
        else queue_q <= shorter;
    end

    (* inside = "next_q" *) wire [WIDTH-1:0] next;
    always @* begin
        assume (began || rst);
        if (began) begin
            assert (level_q <= 2 && o_valid == (level_q != 0) && i_ready == (level_q != 2));
            if (o_valid) assert (o_data == queue_q[WIDTH-1:0]);
            if (level_q == 2) assert (next == queue_q[2*WIDTH-1:WIDTH]);    // for induction
        end
    end
endmodule
