// Read-only memory from a $readmemh file, unconditional clocked read; with LATE a cycle later, from a register behind the
// memory, since block RAM answers late. A missing or short file stops a simulation at
// time 0 (snn_words); synthesis tools report a missing file themselves and `snncc synth` checks every file beforehand.
`default_nettype none
module snn_rom #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter AW = 4,
    parameter LATE = 0,
    parameter FILE = "rom.mem"
) (
    input  wire             clk,
    input  wire [AW-1:0]    addr,
    output wire [WIDTH-1:0] data
);
    reg [WIDTH-1:0] mem [0:DEPTH-1];

    initial $readmemh(FILE, mem, 0, DEPTH - 1);

`ifndef SYNTHESIS
    snn_words #(.FILE(FILE), .WIDTH(WIDTH), .DEPTH(DEPTH)) u_words ();
`endif

    reg [WIDTH-1:0] data_q, late_q;
    always @(posedge clk) begin
        data_q <= mem[addr];
        late_q <= data_q;
    end
    assign data = LATE != 0 ? late_q : data_q;
endmodule
`default_nettype wire
