// The firing pass of neurons that forget (`step`): a word of LANES neurons a cycle, WRITES cycles after its address.
//   I = i + (driven ? b + D : 0);   V = v + I (CURRENT = 0: i is v);   V = max(V, lowest)
//   s = clip(floor((V - theta) / amount) + 1, 0, MOST);   V' = V - amount*s     RESET = 2: amount where s > 0
//   i = I - share(I, decay);   v = V' - share(V', leak)                         RESET = 1: V - share(V, leak) - amount*s
// What the memories hold has decayed for the next timestep already, so that its charge can be added as it comes.
// CURRENT = 1: charge goes to i, and v has a memory of its own, `rest`; 2: V takes I a timestep late, that is v += I.
// s is found bit by bit: of the spikes that are still possible, half of them (rounded up) fire or not, then of the others.
// FIRES = 0: V is the output. `restart`: v = v0, i = 0.
// A number that is the same for all neurons is a parameter (LEAK, DECAY, its field then has a width of 0); LOWW = 0: no
// lower end.
`default_nettype none
module snn_fire_leaky #(
    parameter LANES = 4,
    parameter VW = 16,
    parameter VAW = 4,
    parameter WORDS = 16,
    parameter FIRES = 1,
    parameter OUT_CW = 1,
    parameter RESET = 0,                // 0: by subtraction, 1: a timestep late, 2: to a value
    parameter MOST = 1,                 // spikes in a timestep
    parameter CURRENT = 0,
    parameter ZERO = 0,                 // what decays is rounded towards zero
    parameter LEAK = 0,
    parameter DECAY = 4096,
    parameter LEAKW = 0,                // of the fields of a neuron, from the lowest bits on: v0, bias, theta, ...
    parameter DECAYW = 0,
    parameter AMOUNTW = 1,              // ... amount, lowest, leak, decay
    parameter LOWW = 0,
    parameter THW = 16,
    parameter BIASW = 16,
    parameter V0W = 16,
    parameter P_DEPTH = 1,
    parameter PAW = 1
) (
    input  wire                               clk,
    input  wire                               rst,
    input  wire                               start,
    input  wire                               restart,
    input  wire                               driven,
    output wire                               done,
    output wire                               read,
    output wire [VAW-1:0]                     raddr,
    input  wire [LANES*VW-1:0]                rdata,
    input  wire [LANES*VW-1:0]                ddata,
    input  wire [LANES*VW-1:0]                rest,         // CURRENT: v
    output wire [PAW-1:0]                     p_addr,
    input  wire [LANES*(V0W+BIASW+THW+AMOUNTW+LOWW+LEAKW+DECAYW)-1:0] p_data,
    output wire                               write,
    output wire [VAW-1:0]                     waddr,
    output wire [LANES*VW-1:0]                wdata,
    output wire [LANES*VW-1:0]                rest_wdata,
    output wire                               o_en,
    output wire [LANES*OUT_CW-1:0]            o_data
);
    localparam NP = V0W + BIASW + THW + AMOUNTW + LOWW + LEAKW + DECAYW;
    localparam TH_AT = V0W + BIASW, AMOUNT_AT = TH_AT + THW, LOW_AT = AMOUNT_AT + AMOUNTW;
    localparam LEAK_AT = LOW_AT + LOWW, DECAY_AT = LEAK_AT + LEAKW;
    localparam HALVES = (FIRES != 0) ? $clog2(MOST + 1) : 0;
    localparam CLAMPS = (CURRENT != 0) ? 3 : 2, SPIKES = CLAMPS + 1;        // cycles after the address
    localparam LEAKS = SPIKES + HALVES, WRITES = LEAKS + 1;
    localparam [VAW-1:0] V_END = WORDS - 1;
    localparam [PAW-1:0] P_END = P_DEPTH - 1;
    // a threshold, an amount or MOST times it, and a potential minus that
    localparam TW = (THW + 1 > AMOUNTW + HALVES) ? THW + 1 : AMOUNTW + HALVES;
    localparam XW = ((VW > TW) ? VW : TW) + 1;

    reg            read_q;
    reg [WRITES:1] valid_q;
    reg [VAW-1:0]  addr_q, waddr_q;
    reg [PAW-1:0]  p_addr_q;

    assign read = read_q;
    assign raddr = addr_q;
    assign p_addr = p_addr_q;
    assign write = valid_q[WRITES];
    assign waddr = waddr_q;
    assign o_en = write;
    assign done = write && waddr_q == V_END;

    always @(posedge clk) begin
        if (rst) begin
            read_q <= 1'b0;
            valid_q <= 0;
        end else begin
            if (start) read_q <= 1'b1;
            else if (addr_q == V_END) read_q <= 1'b0;
            valid_q <= {valid_q[WRITES-1:1], read_q};
        end
        if (start) begin
            addr_q <= 0;
            p_addr_q <= 0;
            waddr_q <= 0;
        end else begin
            addr_q <= addr_q + 1'b1;
            p_addr_q <= p_addr_q == P_END ? {PAW{1'b0}} : p_addr_q + 1'b1;
            if (write) waddr_q <= waddr_q + 1'b1;
        end
    end

    // the parameters of the word at each stage
    wire [(WRITES+1)*LANES*NP-1:0] held;
    genvar i, s;
    generate
        assign held[0 +: 2*LANES*NP] = {2{p_data}};
        for (s = 2; s <= WRITES; s = s + 1) begin : g_held
            if (P_DEPTH == 1) begin : g_same
                assign held[s*LANES*NP +: LANES*NP] = p_data;
            end else begin : g_delayed
                reg [LANES*NP-1:0] held_q;
                always @(posedge clk) held_q <= held[(s-1)*LANES*NP +: LANES*NP];
                assign held[s*LANES*NP +: LANES*NP] = held_q;
            end
        end

        for (i = 0; i < LANES; i = i + 1) begin : g_lane
            // ---- charge, current, lower end
            wire signed [VW-1:0]    charged = rdata[i*VW +: VW];
            wire signed [VW-1:0]    d = ddata[i*VW +: VW];
            wire signed [BIASW-1:0] b = held[(LANES + i)*NP + V0W +: BIASW];
            reg signed [VW-1:0]     sum_q;
            wire signed [VW-1:0]    drive = b + d;
            always @(posedge clk) sum_q <= charged + (driven ? drive : {VW{1'b0}});

            wire signed [VW-1:0] v;
            wire [VW-1:0]        current;               // I at the stage LEAKS
            if (CURRENT != 0) begin : g_current
                reg signed [VW-1:0] rest_q, v_q;
                always @(posedge clk) begin
                    rest_q <= rest[i*VW +: VW];
                    v_q <= (CURRENT == 1) ? rest_q + sum_q : rest_q;
                end
                assign v = v_q;
                wire [(HALVES+3)*VW-1:0] currents;
                assign currents[0 +: VW] = sum_q;
                for (s = 1; s < HALVES + 3; s = s + 1) begin : g_stage
                    reg [VW-1:0] current_q;
                    always @(posedge clk) current_q <= currents[(s-1)*VW +: VW];
                    assign currents[s*VW +: VW] = current_q;
                end
                assign current = currents[(HALVES+2)*VW +: VW];
            end else begin : g_no_current
                assign v = sum_q;
                assign current = {VW{1'b0}};
            end

            wire signed [VW-1:0] clamped;
            if (LOWW != 0) begin : g_clamped
                wire signed [LOWW-1:0] low = held[(CLAMPS*LANES + i)*NP + LOW_AT +: LOWW];
                wire signed [VW-1:0]   lowest = low;
                assign clamped = v < lowest ? lowest : v;
            end else begin : g_free
                assign clamped = v;
            end

            // ---- spikes: after each stage what is left of V, how many there are, V itself
            wire [(HALVES+1)*VW-1:0]     left, whole;
            wire [(HALVES+1)*OUT_CW-1:0] fired;
            reg [VW-1:0] clamped_q;
            always @(posedge clk) clamped_q <= clamped;
            assign left[0 +: VW] = clamped_q;
            assign whole[0 +: VW] = clamped_q;
            assign fired[0 +: OUT_CW] = {OUT_CW{1'b0}};
            for (s = 0; s < HALVES; s = s + 1) begin : g_half
                localparam [HALVES-1:0] N = (MOST >> s) - (MOST >> (s + 1));
                localparam signed [XW-1:0] ALL = {{(XW-HALVES){1'b0}}, N}, BUT_ONE = ALL - 1;
                localparam [OUT_CW-1:0] COUNT = N;
                wire [NP-1:0]             p = held[((SPIKES + s)*LANES + i)*NP +: NP];
                wire signed [THW:0]       th = {1'b0, p[TH_AT +: THW]};
                wire signed [AMOUNTW-1:0] amount = p[AMOUNT_AT +: AMOUNTW];
                wire signed [VW-1:0]      now = left[s*VW +: VW];
                wire signed [XW-1:0]      wide = now, theta = th, one = amount;
                wire                      fire = wide >= theta + BUT_ONE * one;
                wire signed [XW-1:0]      after = (RESET == 2) ? one : wide - ALL * one;
                reg [VW-1:0]     left_q, whole_q;
                reg [OUT_CW-1:0] fired_q;
                always @(posedge clk) begin
                    left_q <= fire ? after[VW-1:0] : now;
                    whole_q <= whole[s*VW +: VW];
                    fired_q <= fired[s*OUT_CW +: OUT_CW] + (fire ? COUNT : {OUT_CW{1'b0}});
                end
                assign left[(s+1)*VW +: VW] = left_q;
                assign whole[(s+1)*VW +: VW] = whole_q;
                assign fired[(s+1)*OUT_CW +: OUT_CW] = fired_q;
            end

            // ---- what decays until the next timestep
            wire [VW-1:0] reduced = left[HALVES*VW +: VW], full = whole[HALVES*VW +: VW];
            reg [VW-1:0]  reduced_q, current_q;
            reg [OUT_CW-1:0] out_q;
            wire [OUT_CW-1:0] out;
            if (FIRES != 0) begin : g_spikes
                assign out = fired[HALVES*OUT_CW +: OUT_CW];
            end else begin : g_potential
                assign out = full;
            end
            always @(posedge clk) begin
                reduced_q <= reduced;
                current_q <= current;
                out_q <= out;
            end
            wire [12:0]   leak;
            wire [VW-1:0] leaked;
            if (LEAKW != 0) begin : g_leaks
                wire [LEAKW-1:0] own = held[(LEAKS*LANES + i)*NP + LEAK_AT +: LEAKW];
                assign leak = own;
            end else begin : g_leak
                assign leak = LEAK;
            end
            snn_share #(.W(VW), .ZERO(ZERO), .FIXED(LEAKW != 0 ? -1 : LEAK)) u_leak (
                .clk(clk), .x(RESET == 1 ? full : reduced), .part(leak), .share(leaked));
            wire signed [V0W-1:0] start_v = held[(WRITES*LANES + i)*NP +: V0W];
            wire signed [VW-1:0]  v0 = start_v;
            wire [VW-1:0]         stays = reduced_q - leaked + (CURRENT == 2 ? current_q : {VW{1'b0}});
            wire [VW-1:0]         next = restart ? v0 : stays;
            if (CURRENT != 0) begin : g_decays
                wire [12:0]   decay;
                wire [VW-1:0] decayed;
                if (DECAYW != 0) begin : g_own
                    wire [DECAYW-1:0] own = held[(LEAKS*LANES + i)*NP + DECAY_AT +: DECAYW];
                    assign decay = own;
                end else begin : g_same
                    assign decay = DECAY;
                end
                snn_share #(.W(VW), .ZERO(ZERO), .FIXED(DECAYW != 0 ? -1 : DECAY)) u_decay (
                    .clk(clk), .x(current), .part(decay), .share(decayed));
                assign wdata[i*VW +: VW] = restart ? {VW{1'b0}} : current_q - decayed;
                assign rest_wdata[i*VW +: VW] = next;
            end else begin : g_stays
                assign wdata[i*VW +: VW] = next;
                assign rest_wdata[i*VW +: VW] = {VW{1'b0}};
            end
            assign o_data[i*OUT_CW +: OUT_CW] = out_q;
        end
    endgenerate
endmodule
`default_nettype wire
