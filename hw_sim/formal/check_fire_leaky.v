// snn_fire_leaky, of one word that is there in one cycle: WRITES cycles later it is written and sent, and what is written
// and sent is that of the equation of docs/contract.md, 4, in integers of any width,
//   I' = I - share(I, decay) + x;   c = late current ? I : I';   V' = max(V - share(V, leak) + c - late, lowest)
//   s = clip(floor((V' - theta) / amount) + 1, 0, MOST);         V' after the reset
// where the memories hold at first i = I - share(I, decay) and v = V - share(V, leak) - late (+ I, of a late current), and
// afterwards the same of I' and V'. Divided here by counting: s is the number of n in 1..MOST with
// V' >= theta + (n - 1)*amount. Assumed: what the proved interval promises, that V before the lower end and I fit VW bits,
// and that 0 < amount where it comes off, below theta where it is what V becomes.
module check_fire_leaky #(
    parameter VW = 5, FIRES = 1, OUT_CW = 1, RESET = 0, MOST = 1, CURRENT = 0, ZERO = 0,
    parameter LEAK = 0, DECAY = 4096, LEAKW = 0, DECAYW = 0, AMOUNTW = 4, LOWW = 0, THW = 4, BIASW = 3, V0W = 4
) (
    input wire                            clk, rst, start, restart, driven,
    input wire [VW-1:0]                   rdata, ddata, rest,
    input wire [V0W+BIASW+THW+AMOUNTW+LOWW+LEAKW+DECAYW-1:0] p_data
);
    localparam integer BITS = $clog2(MOST + 1);
    localparam integer DEPTH = 4 + (CURRENT != 0) + (FIRES != 0 ? BITS : 0);    // cycles from the address to the write
    localparam signed [31:0] TOP = 1 << (VW - 1);

    wire                done, read, write, o_en, raddr, waddr, p_addr;
    wire [VW-1:0]       wdata, rest_wdata;
    wire [OUT_CW-1:0]   o_data;
    snn_fire_leaky #(
        .LANES(1), .VW(VW), .VAW(1), .WORDS(1), .FIRES(FIRES), .OUT_CW(OUT_CW), .RESET(RESET), .MOST(MOST),
        .CURRENT(CURRENT), .ZERO(ZERO), .LEAK(LEAK), .DECAY(DECAY), .LEAKW(LEAKW), .DECAYW(DECAYW), .AMOUNTW(AMOUNTW),
        .LOWW(LOWW), .THW(THW), .BIASW(BIASW), .V0W(V0W), .P_DEPTH(1), .PAW(1)
    ) dut (
        .clk(clk), .rst(rst), .start(start), .restart(restart), .driven(driven), .done(done), .read(read), .raddr(raddr),
        .rdata(rdata), .ddata(ddata), .rest(rest), .p_addr(p_addr), .p_data(p_data), .write(write), .waddr(waddr),
        .wdata(wdata), .rest_wdata(rest_wdata), .o_en(o_en), .o_data(o_data));

    // one pass after a reset: start in cycle 1, the address in 2, the word in WORD; the parameters stay
    localparam integer WORD = 3;
    reg [4:0] at = 5'd0;
    reg [V0W+BIASW+THW+AMOUNTW+LOWW+LEAKW+DECAYW-1:0] p_q;
    reg restart_q;
    always @(posedge clk) begin
        at <= at + 5'd1;
        p_q <= p_data;
        restart_q <= restart;
    end

    function signed [31:0] share(input signed [31:0] x, input [12:0] part);
        reg signed [31:0] size;
        begin
            size = x < 0 ? -x : x;
            size = (size * $signed({19'd0, part})) >>> 12;
            share = (ZERO == 0) ? (x * $signed({19'd0, part})) >>> 12 : x < 0 ? -size : size;
        end
    endfunction

    wire signed [V0W-1:0]     v0 = p_data[0 +: V0W];
    wire signed [BIASW-1:0]   b = p_data[V0W +: BIASW];
    wire signed [31:0]        theta = p_data[V0W + BIASW +: THW];
    wire signed [AMOUNTW-1:0] amount = p_data[V0W + BIASW + THW +: AMOUNTW];
    wire signed [31:0]        lowest;
    wire [12:0]               leak, decay;
    generate
        if (LOWW != 0) begin : g_low
            wire signed [LOWW-1:0] low = p_data[V0W + BIASW + THW + AMOUNTW +: LOWW];
            assign lowest = low;
        end else assign lowest = -TOP;
        if (LEAKW != 0) assign leak = p_data[V0W + BIASW + THW + AMOUNTW + LOWW +: LEAKW];
        else assign leak = LEAK;
        if (DECAYW != 0) assign decay = p_data[V0W + BIASW + THW + AMOUNTW + LOWW + LEAKW +: DECAYW];
        else assign decay = DECAY;
    endgenerate
    wire signed [VW-1:0] i = rdata, d = ddata, r = rest;

    // ---- the equation, of the word that is there
    reg signed [31:0] current, v, s, kept, current_q, v_q, s_q, kept_q;
    reg               fits;
    integer           n;
    always @* begin
        current = driven ? i + b + d : i;
        v = (CURRENT == 0) ? current : (CURRENT == 1) ? r + current : r;
        fits = -TOP <= v && v < TOP && -TOP <= current && current < TOP;
        v = v < lowest ? lowest : v;
        s = 0;
        for (n = 0; n < MOST; n = n + 1)
            if (FIRES != 0 && v >= theta + n * amount) s = s + 1;
        kept = (RESET == 1) ? v : (RESET == 2) ? (s > 0 ? amount : v) : v - s * amount;
    end
    always @(posedge clk) if (at == WORD) {current_q, v_q, s_q, kept_q} <= {current, v, s, kept};

    // ---- what the memories hold for the next timestep
    wire signed [31:0]   late = (RESET == 1) ? s_q * amount : 0, added = (CURRENT == 2) ? current_q : 0;
    wire signed [31:0]   stays = kept_q - share(kept_q, leak) - late + added, decayed = current_q - share(current_q, decay);
    wire [VW-1:0]        new_v = (CURRENT == 0) ? wdata : rest_wdata, start_v = v0, stays_v = stays, new_i = decayed;
    wire signed [VW-1:0] sent_v = o_data;

    always @* begin
        assume (rst == (at == 0) && start == (at == 1));
        if (at > 1) assume (p_data == p_q && restart == restart_q);
        if (at == WORD) assume (fits);
        assume (leak <= 4096 && decay <= 4096 && theta > 0 && (RESET == 2 ? amount < theta : amount > 0));
        if (at > 0) assert (o_en == write && done == write && write == (at == WORD - 1 + DEPTH));
        if (at == WORD - 1 + DEPTH) begin
            assert (new_v == (restart ? start_v : stays_v));
            if (CURRENT != 0) assert (wdata == (restart ? {VW{1'b0}} : new_i));
            if (FIRES != 0) assert (o_data == s_q);
            else assert (sent_v == v_q);
        end
    end
endmodule
