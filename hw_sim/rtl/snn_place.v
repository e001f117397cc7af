// Place table: from the number of an element in its bank to its position (y, x, c) in the view that a projection reads.
// It serves views that reshape a map in a way that no table per axis describes. One event a cycle, one cycle later.
`default_nettype none
module snn_place #(
    parameter CW = 1,
    parameter EW = 4,           // width of an element's number
    parameter YW = 1,
    parameter XW = 1,
    parameter DW = 1,           // width of c
    parameter DEPTH = 16,
    parameter FILE = "place.mem"
) (
    input  wire          clk,
    input  wire          rst,
    input  wire          i_valid,
    output wire          i_ready,
    input  wire [EW-1:0] i_element,
    input  wire [CW-1:0] i_value,
    output wire          o_valid,
    input  wire          o_ready,
    output wire [YW-1:0] o_y,
    output wire [XW-1:0] o_x,
    output wire [DW-1:0] o_c,
    output wire [CW-1:0] o_value
);
    reg          valid_q;
    reg [EW-1:0] element_q;
    reg [CW-1:0] value_q;

    wire accept = i_valid && i_ready;
    wire [EW-1:0] look = accept ? i_element : element_q;

    assign i_ready = !valid_q || o_ready;
    assign o_valid = valid_q;
    assign o_value = value_q;

    snn_rom #(.WIDTH(YW + XW + DW), .DEPTH(DEPTH), .AW(EW), .FILE(FILE)) u_places (
        .clk(clk), .addr(look), .data({o_y, o_x, o_c}));

    always @(posedge clk) begin
        if (rst) valid_q <= 1'b0;
        else if (accept) valid_q <= 1'b1;
        else if (o_ready) valid_q <= 1'b0;
        element_q <= look;
        if (accept) value_q <= i_value;
    end
endmodule
`default_nettype wire
