// snn_scan takes each word of a band once, in order, and only after it had been written when it was read; it offers each
// non-zero element (EVERY: each element) of that word once, lowest lane first, with its value and its coordinates in the
// frame, which go on from band to band and begin again after BANDS of them, or at a reset; it is done after the band's last
// one. Neither the writer's pace, nor the bands it is ahead, nor the walk's stalls, nor the time between bands matter.
// Assumed: no more than BANKS bands are ahead; a band starts when its first word is there and the last band was released.
module check_scan #(
    parameter LANES = 2, CW = 2, D0 = 2, D1 = 2, BLOCKS = 2, BANDS = 1, D0W = 1, D1W = 1, D2W = 2, BANKS = 2, AW = 4,
    EVERY = 0
) (
    input wire                clk, rst, start, write, give_back, ev_ready,
    input wire [LANES*CW-1:0] rdata
);
    localparam WORDS = D0 * D1 * BLOCKS / BANDS, DEPTH = BANKS * WORDS, W = $clog2(DEPTH + 1);
    localparam F = $clog2(BANDS * WORDS + 1);

    reg [W-1:0]        base_q, written_q, loaded_q;    // where the band is; its words written (later bands' too), loaded
    reg [F-1:0]        before_q;                       // words of the frame's earlier bands
    reg                began = 1'b0, run_q, fresh_q;
    reg [LANES-1:0]    left_q;                         // lanes of the word still to be offered
    reg [LANES*CW-1:0] word_q;

    wire                ready, busy, load, ev_valid;
    wire [AW-1:0]       raddr;
    wire [D0W-1:0]      ev_d0;
    wire [D1W-1:0]      ev_d1;
    wire [D2W-1:0]      ev_d2;
    wire [CW-1:0]       ev_value;
    wire [AW-1:0]       w_addr = (base_q + written_q) % DEPTH, here = (base_q + loaded_q) % DEPTH;
    wire                whole = written_q >= WORDS;
    snn_scan #(
        .LANES(LANES), .CW(CW), .D0(D0), .D1(D1), .BLOCKS(BLOCKS), .BANDS(BANDS), .D0W(D0W), .D1W(D1W), .D2W(D2W),
        .DEPTH(DEPTH), .AW(AW), .EVERY(EVERY)
    ) dut (
        .clk(clk), .rst(rst), .start(start), .w_addr(w_addr), .whole(whole), .ready(ready), .busy(busy), .load(load),
        .raddr(raddr), .rdata(rdata), .ev_valid(ev_valid), .ev_ready(ev_ready), .ev_d0(ev_d0), .ev_d1(ev_d1),
        .ev_d2(ev_d2), .ev_value(ev_value));

    wire [W-1:0]   next = (loaded_q + load) % DEPTH;        // the word that is read in this cycle
    reg [LANES-1:0] present;
    integer i;
    always @* for (i = 0; i < LANES; i = i + 1) present[i] = EVERY != 0 || |rdata[i*CW +: CW];
    wire [F-1:0]     at = before_q + loaded_q - 1'b1;       // the word whose elements are offered, in its frame
    wire [D2W-1:0]   lane = ev_d2 - (at % BLOCKS) * LANES;
    wire [LANES-1:0] offered = ev_valid ? 1'b1 << lane : 0, after = ev_ready ? left_q & ~offered : left_q;

    always @(posedge clk) begin
        began <= 1'b1;
        base_q <= rst ? 0 : give_back ? (base_q + WORDS) % DEPTH : base_q;
        before_q <= rst ? 0 : give_back ? (before_q + WORDS) % (BANDS * WORDS) : before_q;
        written_q <= rst ? 0 : written_q + write - (give_back ? WORDS : 0);
        loaded_q <= rst || give_back ? 0 : loaded_q + load;
        run_q <= !rst && (start || (run_q && !(loaded_q == WORDS && after == 0)));
        fresh_q <= written_q > next;
        left_q <= rst ? 0 : load ? present : after;
        if (load) word_q <= rdata;
    end

    (* inside = "ptr_q" *) wire [AW-1:0] ptr;
    (* inside = "read_q" *) wire read;
    (* inside = "busy_q" *) wire running;
    (* inside = "first_q" *) wire first;
    (* inside = "last_q" *) wire last;
    (* inside = "g_bands.word_q" *) wire [(WORDS > 1 ? $clog2(WORDS) : 1)-1:0] word;
    (* inside = "rem_q" *) wire [LANES-1:0] rem;
    (* inside = "cur_q" *) wire [LANES*CW-1:0] cur;
    (* inside = "d0_q" *) wire [D0W-1:0] d0;
    (* inside = "d1_q" *) wire [D1W-1:0] d1;
    (* inside = "d2_q" *) wire [D2W-1:0] d2;
    always @* begin
        assume (began || rst);
        assume (!write || written_q < DEPTH);
        assume (!start || (!busy && ready && loaded_q == 0 && !give_back));
        assume (!give_back || (!busy && loaded_q == WORDS));
        if (began) begin
            assert (ready == (written_q > loaded_q) || loaded_q == WORDS);
            assert (busy == run_q);
            if (!busy) assert (!load && !ev_valid && (loaded_q == 0 || loaded_q == WORDS));
            if (load) assert (loaded_q < WORDS && fresh_q && after == 0);
            if (busy || load) assert (raddr == (base_q + next) % DEPTH);
            assert (ev_valid == (left_q != 0));
            if (ev_valid) begin
                assert (lane < LANES && left_q[lane] && (left_q & (offered - 1'b1)) == 0);
                assert (ev_value == word_q[lane*CW +: CW] && (EVERY != 0 || ev_value != 0));
                assert (ev_d0 == at / BLOCKS / D1 && ev_d1 == at / BLOCKS % D1);
            end
            // for induction
            assert (base_q < DEPTH && base_q % WORDS == 0 && written_q <= DEPTH && loaded_q <= written_q && loaded_q <= WORDS);
            for (i = 0; i < LANES; i = i + 1) if (left_q[i]) assert (EVERY != 0 || word_q[i*CW +: CW] != 0);
            assert (left_q == 0 || (busy && loaded_q != 0));
            assert (ptr == here && rem == left_q && running == busy);
            assert (before_q < BANDS * WORDS && before_q % WORDS == 0);
            assert (first == ((before_q + loaded_q) % (BANDS * WORDS) == 0));
            if (before_q + loaded_q != 0) begin
                assert ({28'd0, d2} == at % BLOCKS * LANES);
                assert ({28'd0, d1} == at / BLOCKS % D1 && {28'd0, d0} == at / BLOCKS / D1);
            end
            if (busy) begin
                assert (last == (loaded_q == WORDS));
                if (loaded_q < WORDS) assert ((!read || fresh_q) && (BANDS == 1 || word == loaded_q));
                if (loaded_q != 0) assert (cur == word_q);
            end
        end
    end
endmodule
