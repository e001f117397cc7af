// Simulation only: a memory on an AXI4 bus that answers bursts in order. The first beat comes LATENCY cycles after a burst
// was accepted, a beat every PERIOD cycles, unless it was told otherwise: +latency=N +period=N +stall_memory=PERCENT, of
// cycles in which it accepts no burst and of cycles in which no beat comes. +bus_error=N: beat N has the answer SLVERR.
// +bus_swap=N: beats N and N + 1 change places. It stops what breaks the rules of the bus.
`default_nettype none
module snn_memory #(
    parameter DW = 64,
    parameter DEPTH = 16,
    parameter FILE = "weights.mem",
    parameter [63:0] BASE = 0,
    parameter LATENCY = 32,
    parameter PERIOD = 1
) (
    input  wire          clk,
    input  wire          rst,
    input  wire          arid,
    input  wire [63:0]   araddr,
    input  wire [7:0]    arlen,
    input  wire [2:0]    arsize,
    input  wire [1:0]    arburst,
    input  wire [3:0]    arcache,
    input  wire [2:0]    arprot,
    input  wire          arvalid,
    output reg           arready,
    output wire          rid,
    output reg  [DW-1:0] rdata,
    output reg  [1:0]    rresp,
    output reg           rlast,
    output reg           rvalid,
    input  wire          rready
);
    localparam BYTES = DW / 8, QUEUE = 1024;
    reg [DW-1:0] words [0:DEPTH-1];
    integer due [0:QUEUE-1], from [0:QUEUE-1], length [0:QUEUE-1];
    integer head, tail, beat, cycle, gap, latency, period, stall, seed, bad, swap, sent, at;
    reg held_valid;
    assign rid = arid;
    reg [63:0] held_addr;
    reg [7:0] held_len;

    snn_words #(.FILE(FILE), .WIDTH(DW), .DEPTH(DEPTH)) u_words ();
    initial begin
        $readmemh(FILE, words, 0, DEPTH - 1);
        if (!$value$plusargs("latency=%d", latency)) latency = LATENCY;
        if (!$value$plusargs("period=%d", period)) period = PERIOD;
        if (!$value$plusargs("stall_memory=%d", stall)) stall = 0;
        if (!$value$plusargs("seed=%d", seed)) seed = 1;
        if (!$value$plusargs("bus_error=%d", bad)) bad = -1;
        if (!$value$plusargs("bus_swap=%d", swap)) swap = -1;
        {cycle, sent} = 0;
    end

    always @(posedge clk) begin
        cycle = cycle + 1;
        if (rst) begin
            {head, tail, beat} = 0;
            gap = period;
            arready <= 1'b1;
            rvalid <= 1'b0;
            held_valid <= 1'b0;
        end else begin
            held_valid <= arvalid && !arready;
            held_addr <= araddr;
            held_len <= arlen;
            if (held_valid && (!arvalid || araddr != held_addr || arlen != held_len))
                $fatal(1, "an address that was offered is taken back");
            if (arvalid && arready) begin
                if (araddr < BASE || (araddr - BASE) / BYTES + arlen >= DEPTH || araddr % BYTES != 0)
                    $fatal(1, "a burst outside of the weights: %h", araddr);
                if (araddr[11:0] + (arlen + 1) * BYTES > 4096) $fatal(1, "a burst crosses a page: %h", araddr);
                if (2 ** arsize != BYTES || arburst != 2'b01 || arcache != 4'b0011 || arprot != 3'b000)
                    $fatal(1, "a burst of another kind");
                due[tail % QUEUE] = cycle + latency;
                from[tail % QUEUE] = (araddr - BASE) / BYTES;
                length[tail % QUEUE] = arlen + 1;
                tail = tail + 1;
                if (tail - head > QUEUE) $fatal(1, "too many bursts at once");
            end
            gap = gap + 1;
            if (rready || !rvalid) begin
                rvalid <= 1'b0;
                if (head != tail && cycle + 1 >= due[head % QUEUE] && gap >= period
                    && $unsigned($random(seed)) % 100 >= stall) begin
                    at = from[head % QUEUE] + beat;
                    if (sent == swap) at = at + 1;
                    if (sent == swap + 1 && swap >= 0) at = at - 1;
                    rvalid <= 1'b1;
                    rdata <= words[at];
                    rresp <= sent == bad ? 2'b10 : 2'b00;
                    rlast <= beat + 1 == length[head % QUEUE];
                    sent = sent + 1;
                    gap = 0;
                    beat = beat + 1;
                    if (beat == length[head % QUEUE]) begin
                        head = head + 1;
                        beat = 0;
                    end
                end
            end
            arready <= $unsigned($random(seed)) % 100 >= stall;
        end
    end
endmodule
`default_nettype wire
