// snn_fire_count: a band's neurons leave in order, FIRE_LANES of them every PERIOD cycles, `done` with the last; each word
// is cleared after its last part was read. A band goes on where the one before it ended, in the ring of RING bands and in
// the table of parameters; after the `last` one of a frame, and a reset, both begin again.
// Of a neuron, in integers of any width,
//   u = V*2^SCALE + b*T + v0;   FIRES: n = clip(floor(u / theta), 0, T + CLIP_EXT);   RELAYS: n = floor(u / 2^theta)
// DEEP: a part's data come two cycles after it was asked for, and it leaves a cycle later than that.
// Assumed: u lies in the proved interval, so in UW bits; theta >= 1; T stays during a pass. Any band may be the last.
module check_fire_count #(
    parameter LANES = 2, VW = 3, UW = 6, SCALE = 1, VAW = 1, WORDS = 2, RING = 1, FIRES = 1, RELAYS = 0, FIRE_LANES = 1,
    OUT_CW = 2, TW = 2, THW = 3, BIASW = 2, V0W = 3, P_DEPTH = 4, PAW = 2, STAGES = 1, PERIOD = 2, CLIP_EXT = 0, DEEP = 0
) (
    input wire                                  clk, rst, start, last,
    input wire [TW-1:0]                         timesteps,
    input wire [LANES*VW-1:0]                   rdata,
    input wire [FIRE_LANES*(THW+BIASW+V0W)-1:0] p_data
);
    localparam NP = THW + BIASW + V0W, SUBS = LANES / FIRE_LANES, PARTS = WORDS / RING * SUBS;
    localparam WAIT = 1 + DEEP + (FIRES != 0 ? STAGES * PERIOD : 1);       // from a part's data to its output
    localparam signed [31:0] MOST = 1 << (UW - 1);

    wire                         done, read, write, o_en;
    wire [VAW-1:0]               raddr, waddr;
    wire [PAW-1:0]               p_addr;
    wire [LANES*VW-1:0]          wdata;
    wire [FIRE_LANES*OUT_CW-1:0] o_data;
    snn_fire_count #(
        .LANES(LANES), .VW(VW), .UW(UW), .SCALE(SCALE), .VAW(VAW), .WORDS(WORDS), .RING(RING), .FIRES(FIRES),
        .RELAYS(RELAYS), .FIRE_LANES(FIRE_LANES), .OUT_CW(OUT_CW), .TW(TW), .THW(THW), .BIASW(BIASW), .V0W(V0W),
        .P_DEPTH(P_DEPTH), .PAW(PAW), .STAGES(STAGES), .PERIOD(PERIOD), .CLIP_EXT(CLIP_EXT), .DEEP(DEEP)
    ) dut (
        .clk(clk), .rst(rst), .start(start), .last(last), .timesteps(timesteps), .done(done), .read(read), .raddr(raddr),
        .rdata(rdata), .p_addr(p_addr), .p_data(p_data), .write(write), .waddr(waddr), .wdata(wdata), .o_en(o_en),
        .o_data(o_data));

    reg            began = 1'b0, run_q, run0_q, run1_q, last_q;
    reg [7:0]      phase_q, part_q, part0_q, part1_q, sent_q;
    reg [7:0]      word_q, word0_q, word1_q, row_q;      // of the ring: the next word, the last one; of the table: the next part's
    reg [WAIT-1:0] on_q;            // parts under way, newest first
    reg [TW-1:0]   t_q;
    wire tick = run_q && phase_q == 0, again = tick && part_q == PARTS - 1 && last_q;
    wire busy = run_q || (DEEP != 0 && run0_q) || run1_q || on_q != 0;
    always @(posedge clk) begin
        began <= 1'b1;
        run_q <= !rst && (start || (run_q && !(tick && part_q == PARTS - 1)));
        run0_q <= !rst && tick;
        run1_q <= !rst && (DEEP != 0 ? run0_q : tick);
        phase_q <= start || phase_q == PERIOD - 1 ? 0 : phase_q + 1'b1;
        part_q <= start ? 0 : part_q + tick;
        part0_q <= part_q;
        part1_q <= DEEP != 0 ? part0_q : part_q;
        word_q <= rst || again ? 0 : (word_q + (tick && part_q % SUBS == SUBS - 1)) % WORDS;
        word0_q <= word_q;
        word1_q <= DEEP != 0 ? word0_q : word_q;
        row_q <= rst || again ? 0 : (row_q + tick) % P_DEPTH;
        if (start) last_q <= last;
        sent_q <= start ? 0 : sent_q + o_en;
        on_q <= rst ? 0 : {on_q, run1_q};
        t_q <= timesteps;
    end
    integer k;
    reg [7:0] pending;
    always @* begin
        pending = run1_q + (DEEP != 0 && run0_q);
        for (k = 0; k < WAIT; k = k + 1) pending = pending + on_q[k];
        assume (began || rst);
        assume (!start || !busy);
        assume (!busy || timesteps == t_q);
        if (began) begin
            assert (read == run_q && write == (run1_q && part1_q % SUBS == SUBS - 1) && o_en == on_q[WAIT-1]);
            assert (raddr == word_q && p_addr == row_q && word_q < WORDS && row_q < P_DEPTH);
            if (write) assert (waddr == word1_q && wdata == 0);
            if (busy) assert (part_q == sent_q + pending && part_q <= PARTS && phase_q < PERIOD);    // for induction
            if (run_q) assert (part_q < PARTS);
            assert (word_q % (WORDS / RING) == (run_q ? part_q / SUBS : 0));
            assert (done == (o_en && sent_q == PARTS - 1));
        end
    end

    genvar i;
    generate
        for (i = 0; i < FIRE_LANES; i = i + 1) begin : g_lane
            wire [VW-1:0]           stored = rdata >> ((part1_q % SUBS) * FIRE_LANES + i) * VW;
            wire signed [VW-1:0]    v = stored;
            wire signed [V0W-1:0]   v0 = p_data[i*NP +: V0W];
            wire signed [BIASW-1:0] b = p_data[i*NP + V0W +: BIASW];
            wire signed [THW:0]     th = p_data[i*NP + V0W + BIASW +: THW];
            wire signed [TW:0]      steps = timesteps;
            wire signed [11:0]      u = (v <<< SCALE) + b * steps + v0;
            reg [WAIT*12-1:0]       us_q;
            reg [WAIT*(THW+1)-1:0]  ths_q;
            always @(posedge clk) begin
                us_q <= {us_q, u};
                ths_q <= {ths_q, th};
            end
            wire signed [11:0]      u_out = us_q[(WAIT-1)*12 +: 12];
            wire signed [THW:0]     th_out = ths_q[(WAIT-1)*(THW+1) +: THW+1];
            wire [OUT_CW-1:0]       sent = o_data[i*OUT_CW +: OUT_CW];
            wire signed [OUT_CW:0]  n = sent;
            wire signed [11:0]      below = n * th_out, clip = steps + CLIP_EXT;
            always @* begin
                if (run1_q) assume (-MOST <= u && u < MOST && th > 0 && (RELAYS == 0 || th < UW));
                if (began && o_en) begin
                    if (FIRES != 0) begin
                        assert (n <= clip && (u_out < 0 ? n == 0 : below <= u_out));
                        assert (n == clip || u_out < below + th_out);
                    end else begin
                        assert (sent == ((u_out >>> th_out) & {OUT_CW{1'b1}}));
                    end
                end
            end
        end
    endgenerate
endmodule
