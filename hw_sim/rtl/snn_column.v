// A memory of potentials with its adder: reads in the cycle of `add`, adds `data` of the cycle after and writes then, with a
// bypass where the same word comes again. MAXIMUM: the larger of the two instead of their sum.
// The firing pass reads and writes beside it; with CLEARS the adder itself clears the word that the pass is done with, since
// `data` is 0 then.
// HAS_DRIVE: a second memory of the same shape takes what `to_drive` says; a pass with `restart` clears it.
// KEEPS: the second memory holds what the pass gives as `f_kept`.
`default_nettype none
module snn_column #(
    parameter LANES = 4,
    parameter VW = 16,
    parameter AW = 4,
    parameter WORDS = 16,
    parameter MAXIMUM = 0,
    parameter BYPASS = 1,
    parameter CLEARS = 0,
    parameter HAS_DRIVE = 0,
    parameter KEEPS = 0
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                add,
    input  wire                to_drive,
    input  wire [AW-1:0]       addr,
    input  wire [LANES*VW-1:0] data,        // a cycle after `add`
    input  wire                f_read,
    input  wire [AW-1:0]       f_raddr,
    input  wire                f_write,
    input  wire                restart,
    input  wire [AW-1:0]       f_waddr,
    input  wire [LANES*VW-1:0] f_wdata,
    input  wire [LANES*VW-1:0] f_kept,
    output wire [LANES*VW-1:0] rdata,       // a cycle after f_raddr
    output wire [LANES*VW-1:0] ddata
);
    reg                 add_q, drive_q, again_q;
    reg [AW-1:0]        addr_q;
    reg [LANES*VW-1:0]  sum_q;
    wire [LANES*VW-1:0] sum;

    always @(posedge clk) begin
        add_q <= add && !rst;
        drive_q <= to_drive;
        addr_q <= addr;
        again_q <= add_q && addr == addr_q && drive_q == to_drive;
        sum_q <= sum;
    end

    wire                clear = CLEARS != 0 && f_write;
    genvar              g;
    generate
        for (g = 0; g < LANES; g = g + 1) begin : g_sum
            wire signed [VW-1:0] stored = drive_q ? ddata[g*VW +: VW] : rdata[g*VW +: VW];
            wire signed [VW-1:0] held = sum_q[g*VW +: VW];
            wire signed [VW-1:0] old = clear ? {VW{1'b0}} : BYPASS != 0 && again_q ? held : stored;
            wire signed [VW-1:0] more = data[g*VW +: VW];
            if (MAXIMUM != 0) begin : g_max
                assign sum[g*VW +: VW] = more > old ? more : old;
            end else begin : g_add
                assign sum[g*VW +: VW] = more + old;     // this order: the choice of `old` fits the adder's LUTs
            end
        end
    endgenerate

    wire [AW-1:0] waddr = f_write ? f_waddr : addr_q;
    wire [AW-1:0] raddr = f_read ? f_raddr : addr;
    snn_ram #(.WIDTH(LANES * VW), .DEPTH(WORDS), .AW(AW)) u_potential (
        .clk(clk), .we(f_write || (add_q && !drive_q)), .waddr(waddr), .wdata(f_write && CLEARS == 0 ? f_wdata : sum),
        .raddr(raddr), .rdata(rdata));

    generate
        if (HAS_DRIVE != 0) begin : g_drive
            wire d_clear = f_write && restart;
            snn_ram #(.WIDTH(LANES * VW), .DEPTH(WORDS), .AW(AW)) u_drive (
                .clk(clk), .we(d_clear || (add_q && drive_q)), .waddr(waddr),
                .wdata(d_clear ? {LANES*VW{1'b0}} : sum), .raddr(raddr), .rdata(ddata));
        end else if (KEEPS != 0) begin : g_kept
            snn_ram #(.WIDTH(LANES * VW), .DEPTH(WORDS), .AW(AW)) u_kept (
                .clk(clk), .we(f_write), .waddr(f_waddr), .wdata(f_kept), .raddr(f_raddr), .rdata(ddata));
        end else begin : g_alone
            assign ddata = {LANES*VW{1'b0}};
        end
    endgenerate
endmodule
`default_nettype wire
