// snn_column: what the pass reads is what it wrote last, plus all that was added since (MAXIMUM: or the largest of it), for
// each word that a pass has written. Neither the order of the words nor the time between two adds matters.
// Assumed: a pass begins when the last add is done, DEEP: two cycles later; only a pass reads and writes as one; `data` is 0
// without an add (then a pass that CLEARS may let the adder do it). A read as it is written is undefined (snn_ram).
module check_column #(
    parameter LANES = 1, VW = 3, AW = 1, WORDS = 2, MAXIMUM = 0, BYPASS = 1, CLEARS = 0, DEEP = 0, SHALLOW = 1024
) (
    input wire                clk, rst, add, f_read, f_write,
    input wire [AW-1:0]       addr, f_raddr, f_waddr,
    input wire [LANES*VW-1:0] data, f_wdata
);
    wire [LANES*VW-1:0] rdata, ddata;
    snn_column #(
        .LANES(LANES), .VW(VW), .AW(AW), .WORDS(WORDS), .MAXIMUM(MAXIMUM), .BYPASS(BYPASS), .CLEARS(CLEARS), .DEEP(DEEP),
        .SHALLOW(SHALLOW)
    ) dut (
        .clk(clk), .rst(rst), .add(add), .to_drive(1'b0), .addr(addr), .data(data), .f_read(f_read), .f_raddr(f_raddr),
        .f_write(f_write), .restart(1'b0), .f_waddr(f_waddr), .f_wdata(f_wdata), .f_kept({LANES*VW{1'b0}}),
        .rdata(rdata), .ddata(ddata));

    reg                began = 1'b0, add_q;
    reg [1:0]          after_q, read_q;             // adds of the last cycles but one; reads of the last two
    reg [AW-1:0]       addr_q, raddr_q, raddr2_q;
    reg [WORDS-1:0]    known_q, known2_q, fresh_q;  // words that a pass has written; as a read found them
    reg [LANES*VW-1:0] word_q [0:WORDS-1];
    reg [LANES*VW-1:0] seen_q, seen2_q;
    reg                sure_q, sure2_q;
    wire signed [VW-1:0] more = data, had = word_q[addr_q];
    always @(posedge clk) begin
        began <= 1'b1;
        add_q <= add && !rst;
        addr_q <= addr;
        after_q <= rst ? 0 : {after_q, add_q};
        if (add_q) word_q[addr_q] <= MAXIMUM == 0 ? had + more : more > had ? more : had;
        if (f_write) word_q[f_waddr] <= CLEARS != 0 ? 0 : f_wdata;
        known_q <= rst ? 0 : known_q | (f_write << f_waddr);
        {seen_q, seen2_q} <= {word_q[f_raddr], seen_q};
        {sure_q, sure2_q} <= {f_read && known_q[f_raddr] && !(f_write && f_waddr == f_raddr) && !rst, sure_q && !rst};
    end
    wire pass = f_read || f_write;
    wire sure = DEEP != 0 ? sure2_q : sure_q;
    always @* begin
        assume (rst == !began);
        assume (!pass || (!add && !add_q && (DEEP == 0 || after_q == 0)));
        if (!add_q) assume (data == 0);
        if (CLEARS != 0 && f_write) assume (f_wdata == 0);
        if (began && sure) assert (rdata == (DEEP != 0 ? seen2_q : seen_q));
    end
endmodule
