// snn_fire_step: after `start` words 0 .. WORDS - 1 are read one a cycle, with parameters p_addr = word mod P_DEPTH, and
// two cycles later (DEEP: three, since their data come two after they were asked for) each is written and sent, `done` with the last. Of a word that was read, in integers of any width,
//   s = V + (driven ? b + D : 0);   FIRES: n = (s >= theta), V' = s - n*theta;   RELAYS: n = floor(s / 2^theta), V' = v0
// and V' = v0 where `restart`. Assumed: s lies in the proved interval, so in VW bits, and 0 <= theta <= 2^(VW-1).
module check_fire_step #(
    parameter LANES = 2, VW = 5, VAW = 2, WORDS = 3, FIRES = 1, RELAYS = 0, OUT_CW = 1, THW = 5, BIASW = 3, V0W = 4,
    P_DEPTH = 2, PAW = 1, DEEP = 0
) (
    input wire                            clk, rst, start, restart, driven,
    input wire [LANES*VW-1:0]             rdata, ddata,
    input wire [LANES*(THW+BIASW+V0W)-1:0] p_data
);
    localparam NP = THW + BIASW + V0W;
    localparam signed [31:0] MOST = 1 << (VW - 1);

    wire                    done, read, write, o_en;
    wire [VAW-1:0]          raddr, waddr;
    wire [PAW-1:0]          p_addr;
    wire [LANES*VW-1:0]     wdata, grown;
    wire [LANES*OUT_CW-1:0] o_data;
    snn_fire_step #(
        .LANES(LANES), .VW(VW), .VAW(VAW), .WORDS(WORDS), .FIRES(FIRES), .RELAYS(RELAYS), .OUT_CW(OUT_CW), .THW(THW),
        .BIASW(BIASW), .V0W(V0W), .P_DEPTH(P_DEPTH), .PAW(PAW), .DEEP(DEEP)
    ) dut (
        .clk(clk), .rst(rst), .start(start), .restart(restart), .driven(driven), .done(done), .read(read), .raddr(raddr),
        .rdata(rdata), .ddata(ddata), .p_addr(p_addr), .p_data(p_data), .write(write), .waddr(waddr), .wdata(wdata),
        .grown(grown), .o_en(o_en), .o_data(o_data));

    reg           began = 1'b0, run_q, run0_q, run1_q, run2_q;
    reg [VAW-1:0] word_q, word0_q, word1_q, word2_q;
    always @(posedge clk) begin
        began <= 1'b1;
        run_q <= !rst && (start || (run_q && word_q != WORDS - 1));
        word_q <= start ? 0 : word_q + 1'b1;
        {run0_q, run1_q, run2_q} <= rst ? 3'b000 : {run_q, DEEP != 0 ? run0_q : run_q, run1_q};
        {word0_q, word1_q, word2_q} <= {word_q, DEEP != 0 ? word0_q : word_q, word1_q};
    end
    always @* begin
        assume (began || rst);
        assume (!start || !(run_q || run0_q || run1_q || run2_q));
        if (began) begin
            assert (read == run_q && write == run2_q && o_en == run2_q && done == (run2_q && word2_q == WORDS - 1));
            if (run_q) assert (word_q < WORDS && raddr == word_q && p_addr == word_q % P_DEPTH);
            if (run1_q) assert (word1_q < WORDS);
            if (run2_q) assert (word2_q < WORDS && waddr == word2_q);
            if (DEEP == 0 && run_q && run1_q) assert (word_q == word1_q + 1);        // for induction
            if (DEEP != 0 && run_q && run0_q) assert (word_q == word0_q + 1);
            if (DEEP != 0 && run0_q) assert (word0_q < WORDS);
            if (DEEP != 0 && run0_q && run1_q) assert (word0_q == word1_q + 1);
            if (run1_q && run2_q) assert (word1_q == word2_q + 1);
        end
    end

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : g_lane
            wire signed [VW-1:0]    v = rdata[i*VW +: VW], d = ddata[i*VW +: VW];
            wire signed [V0W-1:0]   v0 = p_data[i*NP +: V0W];
            wire signed [BIASW-1:0] b = p_data[i*NP + V0W +: BIASW];
            wire signed [THW:0]     th = p_data[i*NP + V0W + BIASW +: THW];
            wire signed [31:0]      s = driven ? v + b + d : v;
            reg signed [31:0]       s_q, th_q, v0_q;
            always @(posedge clk) {s_q, th_q, v0_q} <= {s, {{(31-THW){1'b0}}, th}, {{(32-V0W){v0[V0W-1]}}, v0}};
            wire signed [VW-1:0]    kept = wdata[i*VW +: VW];
            wire [OUT_CW-1:0]       sent = o_data[i*OUT_CW +: OUT_CW];
            always @* begin
                if (run1_q) assume (-MOST <= s && s < MOST && th <= MOST && (RELAYS == 0 || th < VW));
                if (began && run2_q) begin
                    if (FIRES != 0) begin
                        assert ((sent != 0) == (s_q >= th_q));
                        assert (kept == (restart ? v0_q : s_q >= th_q ? s_q - th_q : s_q));
                    end else begin
                        assert (sent == ((s_q >>> th_q) & {OUT_CW{1'b1}}) && kept == v0_q);
                    end
                end
            end
        end
    endgenerate
endmodule
