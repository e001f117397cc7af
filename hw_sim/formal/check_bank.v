// snn_bank is a queue: frames come out in the order in which they went in, each with its own meta word; there is room
// if and only if fewer than BANKS are in it; words are numbered one after the other round the ring.
// Assumed: the writer commits only where there was room, the reader releases only what is there.
module check_bank #(
    parameter BANKS = 3, WORDS = 2, AW = 3, MW = 2
) (
    input wire          clk, rst, w_en, w_commit, r_release,
    input wire [MW-1:0] w_meta
);
    localparam LW = $clog2(BANKS + 1), IW = $clog2(BANKS);

    wire          w_ready, have;
    wire [AW-1:0] w_addr;
    wire [MW-1:0] r_meta;
    snn_bank #(.BANKS(BANKS), .WORDS(WORDS), .AW(AW), .MW(MW)) dut (
        .clk(clk), .rst(rst), .w_ready(w_ready), .w_en(w_en), .w_addr(w_addr), .w_commit(w_commit), .w_meta(w_meta),
        .have(have), .r_meta(r_meta), .r_release(r_release));

    reg                began = 1'b0;
    reg [LW-1:0]       level_q;
    reg [BANKS*MW-1:0] queue_q;     // the oldest lowest
    reg [AW-1:0]       addr_q;
    wire [BANKS*MW-1:0] shorter = queue_q >> (r_release ? MW : 0);
    wire [LW-1:0]       left = level_q - r_release;
    always @(posedge clk) begin
        began <= 1'b1;
        level_q <= rst ? 0 : left + w_commit;
        queue_q <= w_commit ? (shorter & ~({BANKS*MW{1'b1}} << left * MW)) | w_meta << left * MW : shorter;
        addr_q <= rst ? 0 : w_en ? (addr_q == BANKS * WORDS - 1 ? 0 : addr_q + 1'b1) : addr_q;
    end

    // for induction: level_q frames lie between the ring's ends, those of the queue
    (* inside = "level_q" *) wire [LW-1:0] level;
    (* inside = "w_index_q" *) wire [IW-1:0] w_index;
    (* inside = "r_index_q" *) wire [IW-1:0] r_index;
    (* inside = "meta_q[0]" *) wire [MW-1:0] meta0;
    (* inside = "meta_q[1]" *) wire [MW-1:0] meta1;
    (* inside = "meta_q[2]" *) wire [MW-1:0] meta2;
    wire [2*BANKS*MW-1:0] ring = {2{meta2, meta1, meta0}} >> r_index * MW;
    integer i;
    always @* begin
        assume (began || rst);
        assume (!w_commit || w_ready);
        assume (!r_release || have);
        if (began) begin
            assert (level_q <= BANKS && w_ready == (level_q < BANKS) && have == (level_q != 0));
            assert (w_addr == addr_q);
            if (have) assert (r_meta == queue_q[MW-1:0]);
            assert (level == level_q && r_index < BANKS && w_index == (r_index + level) % BANKS);
            for (i = 0; i < BANKS; i = i + 1)
                if (i < level) assert (ring[i*MW +: MW] == queue_q[i*MW +: MW]);
        end
    end
endmodule
