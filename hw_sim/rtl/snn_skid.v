// Two places in a row between a sender and a receiver, so that neither's handshake goes on combinationally to the other.
// What enters leaves a cycle later at the earliest, in order, one a cycle.
`default_nettype none
module snn_skid #(
    parameter WIDTH = 8
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             i_valid,
    output wire             i_ready,
    input  wire [WIDTH-1:0] i_data,
    output wire             o_valid,
    input  wire             o_ready,
    output wire [WIDTH-1:0] o_data
);
    reg             valid_q, second_q;      // the first place is filled; the second one too
    reg [WIDTH-1:0] data_q, next_q;

    assign i_ready = !second_q;
    assign o_valid = valid_q;
    assign o_data = data_q;

    wire enter = i_valid && !second_q;
    wire leave = valid_q && o_ready;

    always @(posedge clk) begin
        if (rst) {valid_q, second_q} <= 2'b00;
        else begin
            valid_q <= enter || second_q || (valid_q && !leave);
            second_q <= valid_q && !leave && (second_q || enter);
        end
        if (leave || !valid_q) data_q <= second_q ? next_q : i_data;
        if (!second_q) next_q <= i_data;
    end
endmodule
`default_nettype wire
