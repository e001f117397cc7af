// snn_edge adds one frame, exactly and once: when its turn is done, each of the GROUPS target words has been given as many
// additions as the frame had non-zero elements, and their sum. Neither the writer's pace nor the wait for the turn
// matters; an empty frame adds nothing; outside a turn nothing is added. Every weight is 1, one lane.
// Assumed: the writer starts a frame only where there is room; the layer keeps the turn until it is done.
module check_edge #(
    parameter SRC_LANES = 2, CW = 2, WORDS = 2, BANKS = 2, AW = 2, GROUPS = 2, D2W = 2, VAW = 1, WAW = 4, VW = 6, MW = 4,
    DEEP = 0
) (
    input wire                    clk, rst, w_en, w_commit, turn,
    input wire [SRC_LANES*CW-1:0] w_data,
    input wire [MW-1:0]           w_meta
);
    localparam EMPTY = 2, EVENTS = 3;       // bits of the meta word; of a number of events

    wire           w_ready, done, o_valid;
    wire [MW-1:0]  meta;
    wire [VAW-1:0] o_vaddr;
    wire [VW-1:0]  o_data;
    snn_edge #(
        .SRC_LANES(SRC_LANES), .CW(CW), .D0(1), .D1(1), .BLOCKS(WORDS), .D0W(1), .D1W(1), .D2W(D2W), .WORDS(WORDS),
        .BANKS(BANKS), .AW(AW), .MW(MW), .GROUPS(GROUPS), .WAW(WAW), .VAW(VAW), .NW(2), .WSTRIDE(GROUPS),
        .LANES(1), .WB(2), .VALUES(1), .ONES(1), .VW(VW), .DEEP(DEEP)
    ) dut (
        .clk(clk), .rst(rst), .w_ready(w_ready), .w_en(w_en), .w_data(w_data), .w_commit(w_commit), .w_meta(w_meta),
        .turn(turn), .done(done), .meta(meta), .o_valid(o_valid), .o_vaddr(o_vaddr), .o_data(o_data));

    reg [EVENTS-1:0] events;
    reg [VW-1:0]     sum;
    integer          i;
    always @* begin
        events = events_q;
        sum = sum_q;
        for (i = 0; i < SRC_LANES; i = i + 1) if (w_en) begin
            events = events + (w_data[i*CW +: CW] != 0);
            sum = sum + w_data[i*CW +: CW];
        end
    end

    reg               began = 1'b0, rst_q, rst2_q, turn_q, done_q, valid_q;
    reg [7:0]         word_q;                       // of the frame that is being written
    reg [EVENTS-1:0]  events_q, wanted_q [0:BANKS-1], seen_q [0:GROUPS-1];
    reg [VW-1:0]      sum_q, total_q [0:BANKS-1], added_q [0:GROUPS-1];
    reg [VAW-1:0]     vaddr_q;
    reg               w_index_q, r_index_q;
    always @(posedge clk) begin
        began <= 1'b1;
        rst2_q <= rst_q;
        {rst_q, turn_q, done_q, valid_q, vaddr_q} <= {rst, turn, done, o_valid && !rst, o_vaddr};
        if (w_commit) begin
            wanted_q[w_index_q] <= events;
            total_q[w_index_q] <= sum;
        end
        word_q <= rst || w_commit ? 0 : word_q + w_en;
        events_q <= rst || w_commit ? 0 : events;
        sum_q <= rst || w_commit ? 0 : sum;
        w_index_q <= !rst && w_index_q ^ w_commit;
        r_index_q <= !rst && r_index_q ^ done;
        for (i = 0; i < GROUPS; i = i + 1) begin
            seen_q[i] <= rst || done ? 0 : seen_q[i] + (o_valid && o_vaddr == i);
            added_q[i] <= rst || done ? 0 : added_q[i] + (valid_q && vaddr_q == i ? o_data : 0);
        end
    end

    integer k;
    always @* begin
        assume (rst == !began);
        if (word_q == 0 && !w_ready) assume (!w_en && !w_commit);
        assume (w_commit == (w_en ? word_q == WORDS - 1 : w_commit && word_q == 0 && w_meta[EMPTY]));
        assume (!w_en || !w_commit || !w_meta[EMPTY]);
        if (began) assume (turn || !turn_q || done_q);
        if (began && done) assert (turn && !o_valid);
        for (k = 0; k < GROUPS; k = k + 1)
            if (began && done)
                assert (seen_q[k] == wanted_q[r_index_q] && added_q[k] + (valid_q && vaddr_q == k ? o_data : 0) == total_q[r_index_q]);
        if (began && !turn) assert (!o_valid && !done);
        if (began && !valid_q && !rst_q && (DEEP == 0 || !rst2_q)) assert (o_data == 0);
    end
endmodule
