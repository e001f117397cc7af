// Simple dual-port memory: one write port, one unconditional clocked read port, so that it becomes block RAM.
// What a read of the address returns that is written in the same cycle is not defined, so that block RAM needs no logic
// around it: whoever may read so early has the word elsewhere. In a simulation and in a proof it is the new word's inverse.
`default_nettype none
module snn_ram #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter AW = 4
) (
    input  wire             clk,
    input  wire             we,
    input  wire [AW-1:0]    waddr,
    input  wire [WIDTH-1:0] wdata,
    input  wire [AW-1:0]    raddr,
    output reg  [WIDTH-1:0] rdata
);
    (* no_rw_check *) reg [WIDTH-1:0] mem [0:DEPTH-1];

    always @(posedge clk) begin
        if (we) mem[waddr] <= wdata;
        rdata <= mem[raddr];
`ifndef SYNTHESIS
        if (we && waddr == raddr) rdata <= ~wdata;
`elsif FORMAL
        if (we && waddr == raddr) rdata <= ~wdata;
`endif
    end
endmodule
`default_nettype wire
