// A memory of potentials with its adder: reads in the cycle of `add`, adds `data` of the cycle after and writes then, with a
// bypass where the same word comes again. DEEP: the word that was read and `data` are registered before they are added, and
// the sum before it is written, two cycles later; so the word may come again three times before it is there. MAXIMUM: the larger of the two instead of their sum.
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
    parameter KEEPS = 0,
    parameter DEEP = 0,
    parameter SHALLOW = 1024        // words of a memory that block RAM needs no choice of slices for
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
    output wire [LANES*VW-1:0] rdata,       // a cycle after f_raddr, DEEP: two
    output wire [LANES*VW-1:0] ddata
);
    wire [LANES*VW-1:0] v_word, d_word;     // a cycle after raddr
    wire [LANES*VW-1:0] sum, more, old;
    reg  [LANES*VW-1:0] sum_q;
    wire                we, to_d;           // a sum is written, to the second memory
    wire [AW-1:0]       sum_addr;
    wire [LANES*VW-1:0] wdata;
    wire [AW-1:0]       raddr = f_read ? f_raddr : addr;
    wire [AW-1:0]       waddr = f_write ? f_waddr : sum_addr;

    always @(posedge clk) sum_q <= sum;

    genvar              g;
    generate
        for (g = 0; g < LANES; g = g + 1) begin : g_sum
            wire signed [VW-1:0] a = more[g*VW +: VW], b = old[g*VW +: VW];
            if (MAXIMUM != 0) begin : g_max
                assign sum[g*VW +: VW] = a > b ? a : b;
            end else begin : g_add
                assign sum[g*VW +: VW] = a + b;     // this order: the choice of `old` fits the adder's LUTs
            end
        end

        if (DEEP != 0) begin : g_deep
            reg                add1_q, add2_q, add3_q, drive1_q, drive2_q, drive3_q;
            reg [AW-1:0]       addr1_q, addr2_q, addr3_q;
            reg                first_q, next_q, second_q, third_q;      // the same word one, two, three adds ago
            reg [LANES*VW-1:0] stored_q, kept_q, more_q, last_q;
            wire [LANES*VW-1:0] word = drive1_q ? d_word : v_word;
            wire               drive = add && to_drive;                 // a pass reads both
            always @(posedge clk) begin
                {add1_q, add2_q, add3_q} <= rst ? 3'b000 : {add, add1_q, add2_q};
                {drive1_q, drive2_q, drive3_q} <= {drive, drive1_q, drive2_q};
                {addr1_q, addr2_q, addr3_q} <= {addr, addr1_q, addr2_q};
                first_q <= add1_q && addr == addr1_q && drive == drive1_q;
                next_q <= first_q;
                second_q <= add2_q && addr == addr2_q && drive == drive2_q;
                third_q <= add3_q && addr == addr3_q && drive == drive3_q;
                kept_q <= d_word;
                more_q <= data;
                last_q <= sum_q;
            end
            if (WORDS > SHALLOW) begin : g_choice          // block RAM in slices has a choice of its own: the other comes later
                reg                late_q;
                reg [LANES*VW-1:0] bypass_q;
                always @(posedge clk) begin
                    late_q <= second_q || third_q;
                    bypass_q <= second_q ? sum_q : last_q;
                    stored_q <= word;
                end
                assign old = next_q ? sum_q : late_q ? bypass_q : stored_q;
            end else begin : g_together
                always @(posedge clk) stored_q <= second_q ? sum_q : third_q ? last_q : word;
                assign old = next_q ? sum_q : stored_q;
            end
            assign more = more_q;
            assign {we, to_d, sum_addr} = {add3_q, drive3_q, addr3_q};
            assign wdata = f_write ? f_wdata : sum_q;
            assign rdata = stored_q;
            assign ddata = kept_q;
        end else begin : g_short
            reg          add_q, drive_q, again_q;
            reg [AW-1:0] addr_q;
            wire         clear = CLEARS != 0 && f_write;
            always @(posedge clk) begin
                add_q <= add && !rst;
                drive_q <= to_drive;
                addr_q <= addr;
                again_q <= add_q && addr == addr_q && drive_q == to_drive;
            end
            assign old = clear ? {LANES*VW{1'b0}} : BYPASS != 0 && again_q ? sum_q : drive_q ? d_word : v_word;
            assign more = data;
            assign {we, to_d, sum_addr} = {add_q, drive_q, addr_q};
            assign wdata = f_write && CLEARS == 0 ? f_wdata : sum;
            assign rdata = v_word;
            assign ddata = d_word;
        end
    endgenerate

    snn_ram #(.WIDTH(LANES * VW), .DEPTH(WORDS), .AW(AW)) u_potential (
        .clk(clk), .we(f_write || (we && !to_d)), .waddr(waddr), .wdata(wdata), .raddr(raddr), .rdata(v_word));

    generate
        if (HAS_DRIVE != 0) begin : g_drive
            wire d_clear = f_write && restart;
            snn_ram #(.WIDTH(LANES * VW), .DEPTH(WORDS), .AW(AW)) u_drive (
                .clk(clk), .we(d_clear || (we && to_d)), .waddr(waddr),
                .wdata(d_clear ? {LANES*VW{1'b0}} : DEEP != 0 ? sum_q : sum), .raddr(raddr), .rdata(d_word));
        end else if (KEEPS != 0) begin : g_kept
            snn_ram #(.WIDTH(LANES * VW), .DEPTH(WORDS), .AW(AW)) u_kept (
                .clk(clk), .we(f_write), .waddr(f_waddr), .wdata(f_kept), .raddr(f_raddr), .rdata(d_word));
        end else begin : g_alone
            assign d_word = {LANES*VW{1'b0}};
        end
    endgenerate
endmodule
`default_nettype wire
