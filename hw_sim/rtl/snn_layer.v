// One population: its edges take turns to add into the potential memory, then a pass over its neurons fires.
// Frame: a timestep (step) or an image (count). After reset first passes with no output bring every potential to its
// start value; later the pass of an image's last frame does that.
// BANDS = 1: one turn of each edge, then one pass over all neurons. Else (count) a pass fires the next band, 1/BANDS of the
// map's rows; before each pass every edge has the turns that a table says, one for each band of its source that reaches
// this band of neurons and has not come yet. The memory holds RING bands, so many as these turns reach at a time.
//   COUNT = 0: V += b (+ D); s = V >= theta; V -= theta*s.   D: the constant drive of a current input, added once per
//              image by the edges marked in DRIVE_EDGES and kept in a memory of its own.
//   COUNT = 1: u = V*2^SCALE + b*T + v0; n = clip(u / theta); V = 0.
//   MAXIMUM (FIRES = 0): V = max of the values that arrive; u = max(V, v0), where v0 is 0 if a zero that is no event
//              belongs to the window, else the lowest value. 2: of counts of spikes, and a spike where it has grown.
//              3: of sums of values, and how much it has grown since the last frame, whose largest D keeps.
//   RELAYS (FIRES = 0): a relay's charge is rounded, V >>> theta with COUNT u >>> theta; v0 is what rounding adds, and every
//              frame starts with it.
//   LEAKY (step, with DEEP = 0): neurons that forget, by snn_fire_leaky. Where they have a CURRENT, charge is added to that, and V has
//              a memory of its own.
// FIRES = 0 (readout, max-pool): the potential itself is the output; READOUT: only in the last frame of an image, and
// not of a wrong one (T = 0), which goes through all layers only to leave their potentials as they were.
// The frame's meta word {T, keep (KEEPS), empty, drive, final} comes with the first edge's events and goes on with the output.
`default_nettype none
module snn_layer #(
    parameter EDGES = 1,
    parameter LANES = 4,
    parameter VW = 16,
    parameter UW = VW,                  // count: width of u ...
    parameter SCALE = 0,                // ... = V*2^SCALE + b*T + v0
    parameter VAW = 4,
    parameter WORDS = 16,               // potential words: of RING bands
    parameter BANDS = 1,                // passes per frame
    parameter RING = 1,
    parameter COLUMNS = 1,              // memories that the positions of a row take turns to lie in, a power of two ...
    parameter SLOTS = 1,                // ... so that an access reaches so many of them; with columns GROUPS is a power of two
    parameter GROUPS = 1,
    parameter TURNW = 0,                // bits of an edge's number of turns; 0: one each
    parameter TURNS_FILE = "turns.mem",
    parameter COUNT = 0,
    parameter FIRES = 1,
    parameter RELAYS = 0,
    parameter READOUT = 0,
    parameter MAXIMUM = 0,              // max instead of sum; step: 1 of a current, 2 of counts of spikes, 3 of sums, 4 of sums of the input
    parameter DEEP = 0,                 // registers behind memories, products and sums
    parameter BYPASS = 1,               // 0 where two adds in a row never meet the same word (two groups or more)
    parameter HAS_DRIVE = 0,
    parameter [EDGES-1:0] DRIVE_EDGES = 0,
    parameter FIRE_LANES = 4,           // count: neurons fired at a time; step: LANES
    parameter PARTS = 1,                // count: so many times FIRE_LANES neurons are sent as one word
    parameter OUT_CW = 1,               // bits of one output element
    parameter TW = 4,
    parameter MW = 7,
    parameter THW = 16,
    parameter BIASW = 16,
    parameter V0W = 16,
    parameter P_DEPTH = 1,
    parameter PAW = 1,
    parameter P_FILE = "p.mem",
    parameter STAGES = 1,               // count: divider stages ...
    parameter PERIOD = 4,               // ... of this many cycles, one quotient bit each
    parameter CLIP_EXT = 0,             // count: n <= T + CLIP_EXT
    parameter KEEPS = 0,                // the meta word says whether the potentials of an image go on in the next
    parameter LEAKY = 0,                // snn_fire_leaky, with the parameters that it has alone
    parameter RESET = 0,
    parameter MOST = 1,
    parameter CURRENT = 0,
    parameter ZERO = 0,
    parameter LEAK = 0,
    parameter DECAY = 4096,
    parameter LEAKW = 0,
    parameter DECAYW = 0,
    parameter AMOUNTW = 0,
    parameter LOWW = 0
) (
    input  wire                         clk,
    input  wire                         rst,
    output wire [EDGES-1:0]             e_turn,
    input  wire [EDGES-1:0]             e_done,
    input  wire [MW-1:0]                e_meta,     // of edge 0
    input  wire [EDGES-1:0]             e_valid,
    input  wire [EDGES*VAW-1:0]         e_vaddr,
    input  wire [EDGES*SLOTS-1:0]       e_mask,
    input  wire [EDGES*SLOTS*LANES*VW-1:0] e_data,
    input  wire                         o_ready,    // every consumer has a free bank
    output wire                         o_en,
    output wire [PARTS*FIRE_LANES*OUT_CW-1:0] o_data,
    output wire                         o_commit,
    output wire [MW-1:0]                o_meta
);
    localparam FINAL = 0, DRIVEN = 1, KEEP = 3;
    localparam IW = (EDGES > 1) ? $clog2(EDGES) : 1;
    localparam [IW-1:0] LAST_EDGE = EDGES - 1;
    localparam PW = FIRE_LANES * (THW + BIASW + V0W + AMOUNTW + LOWW + LEAKW + DECAYW);
    localparam [1:0] WALK = 2'd0, WAIT = 2'd1, FIRE = 2'd2;

    reg [1:0]    state_q;
    reg [IW-1:0] edge_q;
    reg [MW-1:0] meta_q;
    reg          init_q;
    wire         pass_last;     // the next pass is a frame's last one
    wire         cleared;       // the last of the first passes has begun
    wire         none, enough;  // turns of the edge before this pass: 0; this one is the last

    wire is_final = (meta_q[FINAL] && !(KEEPS != 0 && meta_q[KEEP])) || init_q;
    wire emits = !init_q && (READOUT == 0 || (meta_q[FINAL] && meta_q[MW-1 -: TW] != 0));
    wire fire_start = state_q == WAIT && (o_ready || !emits);
    wire fire_done, fire_en, word_en;
    wire [FIRE_LANES*OUT_CW-1:0] fired;
    wire turn_over = state_q == WALK && e_done[edge_q];
    wire edge_over = state_q == WALK && (none || (e_done[edge_q] && enough));

    genvar g;
    generate
        for (g = 0; g < EDGES; g = g + 1) begin : g_turn
            assign e_turn[g] = state_q == WALK && edge_q == g && !none;
        end
        if (TURNW != 0) begin : g_bands
            localparam SW = (BANDS > 1) ? $clog2(BANDS) : 1;
            localparam [SW-1:0] LAST = BANDS - 1, LAST_CLEARED = RING - 1;
            reg  [SW-1:0]          band_q;      // fires next
            reg  [TURNW-1:0]       count_q;
            wire [EDGES*TURNW-1:0] table_data;
            reg  [TURNW-1:0]       turns;
            integer                t;
            always @* begin
                turns = table_data[0 +: TURNW];
                for (t = 1; t < EDGES; t = t + 1)
                    if (edge_q == t) turns = table_data[t*TURNW +: TURNW];
            end
            snn_rom #(.WIDTH(EDGES * TURNW), .DEPTH(BANDS), .AW(SW), .FILE(TURNS_FILE)) u_turns (
                .clk(clk), .addr(band_q), .data(table_data));
            assign none = turns == 0;
            assign enough = count_q + 1'b1 == turns;
            assign cleared = band_q == 0;
            assign pass_last = band_q == (init_q ? LAST_CLEARED : LAST);
            always @(posedge clk)
                if (rst) begin
                    band_q <= 0;
                    count_q <= 0;
                end else begin
                    if (fire_start) band_q <= pass_last ? {SW{1'b0}} : band_q + 1'b1;
                    if (edge_over) count_q <= 0;
                    else if (turn_over) count_q <= count_q + 1'b1;
                end
        end else begin : g_whole
            assign {none, enough, pass_last, cleared} = 4'b0111;
        end
    endgenerate

    always @(posedge clk)
        if (rst) begin
            state_q <= WAIT;
            edge_q <= 0;
            init_q <= 1'b1;
            meta_q <= 0;
        end else begin
            if (turn_over && edge_q == 0) meta_q <= e_meta;
            case (state_q)
                WALK: if (edge_over) begin
                    edge_q <= edge_q == LAST_EDGE ? {IW{1'b0}} : edge_q + 1'b1;
                    if (edge_q == LAST_EDGE) state_q <= WAIT;
                end
                WAIT: if (fire_start) state_q <= FIRE;
                default: if (fire_done) begin
                    state_q <= init_q && !cleared ? WAIT : WALK;
                    if (cleared) init_q <= 1'b0;
                end
            endcase
        end

    wire                f_read, f_write;

    // ---- scatter: the edge whose turn it is
    reg                      s_valid, to_drive;
    reg [VAW-1:0]            s_vaddr;
    reg [SLOTS-1:0]          s_mask;
    reg [SLOTS*LANES*VW-1:0] s_data;        // a cycle later
    integer                  e;
    always @* begin                     // constant places only: a computed one would cost a multiplier
        {s_valid, s_vaddr, s_mask} = {e_valid[0], e_vaddr[0 +: VAW], e_mask[0 +: SLOTS]};
        s_data = e_data[0 +: SLOTS*LANES*VW];
        to_drive = HAS_DRIVE != 0 && DRIVE_EDGES[0];
        for (e = 1; e < EDGES; e = e + 1)
            if (edge_q == e) begin
                {s_valid, s_vaddr, s_mask} = {e_valid[e], e_vaddr[e*VAW +: VAW], e_mask[e*SLOTS +: SLOTS]};
                s_data = e_data[e*SLOTS*LANES*VW +: SLOTS*LANES*VW];
                to_drive = HAS_DRIVE != 0 && DRIVE_EDGES[e];
            end
    end

    // count: during the pass lanes offer 0, so that the adder clears: no choice behind it. step fires on a path of its own
    localparam CLEARS = COUNT != 0 && MAXIMUM == 0;
    wire [VAW-1:0]      f_raddr, f_waddr;
    wire [LANES*VW-1:0] f_wdata, f_grown;
    wire [LANES*VW-1:0] v_rdata, d_rdata;
    generate
        if (COLUMNS > 1) begin : g_columns
            // position p of a row-major map lies in column p % COLUMNS; slot j of an access is the position j before the first
            localparam GB = $clog2(GROUPS), CB = $clog2(COLUMNS), PB = VAW - GB;
            localparam DEPTH = (WORDS / GROUPS + COLUMNS - 1) / COLUMNS * GROUPS;
            localparam CAW = (DEPTH > 1) ? $clog2(DEPTH) : 1;
            localparam [VAW-1:0] G_MASK = GROUPS - 1;
            wire [PB-1:0]              pos = s_vaddr[VAW-1:GB], r_pos = f_raddr[VAW-1:GB], w_pos = f_waddr[VAW-1:GB];
            wire [CB-1:0]              first = pos[CB-1:0];
            reg  [CB-1:0]              first_q, r_column_q, r_late_q;
            wire [CB-1:0]              r_column = DEEP != 0 ? r_late_q : r_column_q;
            wire [VAW-1:0]             group = s_vaddr & G_MASK, r_group = f_raddr & G_MASK, w_group = f_waddr & G_MASK;
            wire [VAW-1:0]             r_at = ((r_pos >> CB) << GB) | r_group, w_at = ((w_pos >> CB) << GB) | w_group;
            wire [COLUMNS*LANES*VW-1:0] v_all, d_all;
            always @(posedge clk) begin
                first_q <= first;
                r_column_q <= r_pos[CB-1:0];
                r_late_q <= r_column_q;
            end
            for (g = 0; g < COLUMNS; g = g + 1) begin : g_column
                localparam [CB-1:0] COLUMN = g;
                wire [CB-1:0]      slot = first - COLUMN, slot_q = first_q - COLUMN;
                wire [PB-1:0]      place = pos - slot;
                wire [VAW-1:0]     at = ((place >> CB) << GB) | group;
                reg                hit;
                reg [LANES*VW-1:0] data;
                integer            j;
                always @* begin
                    hit = 1'b0;
                    data = s_data[0 +: LANES*VW];
                    for (j = 0; j < SLOTS; j = j + 1) begin
                        if (slot == j) hit = s_valid && s_mask[j];
                        if (slot_q == j) data = s_data[j*LANES*VW +: LANES*VW];
                    end
                end
                snn_column #(
                    .LANES(LANES), .VW(VW), .AW(CAW), .WORDS(DEPTH), .MAXIMUM(MAXIMUM), .BYPASS(BYPASS), .CLEARS(CLEARS),
                    .HAS_DRIVE(HAS_DRIVE), .KEEPS(MAXIMUM >= 3), .DEEP(DEEP)
                ) u_column (
                    .clk(clk), .rst(rst), .add(hit), .to_drive(to_drive), .addr(at[CAW-1:0]), .data(data),
                    .f_read(f_read), .f_raddr(r_at[CAW-1:0]), .f_write(f_write && w_pos[CB-1:0] == COLUMN),
                    .restart(is_final), .f_waddr(w_at[CAW-1:0]), .f_wdata(f_wdata), .f_kept(f_grown),
                    .rdata(v_all[g*LANES*VW +: LANES*VW]), .ddata(d_all[g*LANES*VW +: LANES*VW]));
            end
            reg [LANES*VW-1:0] v_read, d_read;
            integer            c;
            always @* begin
                {v_read, d_read} = {v_all[0 +: LANES*VW], d_all[0 +: LANES*VW]};
                for (c = 1; c < COLUMNS; c = c + 1)
                    if (r_column == c) {v_read, d_read} = {v_all[c*LANES*VW +: LANES*VW], d_all[c*LANES*VW +: LANES*VW]};
            end
            assign {v_rdata, d_rdata} = {v_read, d_read};
        end else begin : g_one
            snn_column #(
                .LANES(LANES), .VW(VW), .AW(VAW), .WORDS(WORDS), .MAXIMUM(MAXIMUM), .BYPASS(BYPASS), .CLEARS(CLEARS),
                .HAS_DRIVE(HAS_DRIVE), .KEEPS(MAXIMUM >= 3), .DEEP(DEEP)
            ) u_column (
                .clk(clk), .rst(rst), .add(s_valid), .to_drive(to_drive), .addr(s_vaddr), .data(s_data),
                .f_read(f_read), .f_raddr(f_raddr), .f_write(f_write), .restart(is_final), .f_waddr(f_waddr),
                .f_wdata(f_wdata), .f_kept(f_grown), .rdata(v_rdata), .ddata(d_rdata));
        end
    endgenerate

    // ---- firing pass
    wire [PAW-1:0]      p_addr;
    wire [PW-1:0]       p_data;

    snn_rom #(.WIDTH(PW), .DEPTH(P_DEPTH), .AW(PAW), .LATE(DEEP), .FILE(P_FILE)) u_parameters (
        .clk(clk), .addr(p_addr), .data(p_data));

    generate
        if (COUNT != 0) begin : g_count
            snn_fire_count #(
                .LANES(LANES), .VW(VW), .UW(UW), .SCALE(SCALE), .VAW(VAW), .WORDS(WORDS), .RING(RING), .FIRES(FIRES), .RELAYS(RELAYS),
                .FIRE_LANES(FIRE_LANES), .OUT_CW(OUT_CW), .TW(TW), .THW(THW), .BIASW(BIASW), .V0W(V0W), .P_DEPTH(P_DEPTH),
                .PAW(PAW), .STAGES(STAGES), .PERIOD(PERIOD), .CLIP_EXT(CLIP_EXT), .MAXIMUM(MAXIMUM), .DEEP(DEEP)
            ) u_fire (
                .clk(clk), .rst(rst), .start(fire_start), .last(pass_last), .timesteps(meta_q[MW-1 -: TW]), .done(fire_done),
                .read(f_read), .raddr(f_raddr), .rdata(v_rdata), .p_addr(p_addr), .p_data(p_data),
                .write(f_write), .waddr(f_waddr), .wdata(f_wdata), .o_en(fire_en), .o_data(fired));
            assign f_grown = {LANES*VW{1'b0}};
        end else if (LEAKY != 0) begin : g_leaky
            wire [LANES*VW-1:0] rest, rest_wdata;
            snn_fire_leaky #(
                .LANES(LANES), .VW(VW), .VAW(VAW), .WORDS(WORDS), .FIRES(FIRES), .OUT_CW(OUT_CW),
                .RESET(RESET), .MOST(MOST), .CURRENT(CURRENT), .ZERO(ZERO), .LEAK(LEAK), .DECAY(DECAY),
                .LEAKW(LEAKW), .DECAYW(DECAYW), .AMOUNTW(AMOUNTW), .LOWW(LOWW),
                .THW(THW), .BIASW(BIASW), .V0W(V0W), .P_DEPTH(P_DEPTH), .PAW(PAW)
            ) u_fire (
                .clk(clk), .rst(rst), .start(fire_start), .restart(is_final), .driven(meta_q[DRIVEN]), .done(fire_done),
                .read(f_read), .raddr(f_raddr), .rdata(v_rdata), .ddata(d_rdata), .rest(rest), .p_addr(p_addr),
                .p_data(p_data), .write(f_write), .waddr(f_waddr), .wdata(f_wdata), .rest_wdata(rest_wdata),
                .o_en(fire_en), .o_data(fired));
            if (CURRENT != 0) begin : g_rest
                snn_ram #(.WIDTH(LANES * VW), .DEPTH(WORDS), .AW(VAW)) u_rest (
                    .clk(clk), .we(f_write), .waddr(f_waddr), .wdata(rest_wdata), .raddr(f_raddr), .rdata(rest));
            end else begin : g_no_rest
                assign rest = {LANES*VW{1'b0}};
            end
            assign f_grown = {LANES*VW{1'b0}};
        end else begin : g_step
            snn_fire_step #(
                .LANES(LANES), .VW(VW), .VAW(VAW), .WORDS(WORDS), .FIRES(FIRES), .RELAYS(RELAYS),
                .MAXIMUM(MAXIMUM), .OUT_CW(OUT_CW),
                .THW(THW), .BIASW(BIASW), .V0W(V0W), .P_DEPTH(P_DEPTH), .PAW(PAW), .DEEP(DEEP)
            ) u_fire (
                .clk(clk), .rst(rst), .start(fire_start), .restart(is_final), .driven(meta_q[DRIVEN]), .done(fire_done),
                .read(f_read), .raddr(f_raddr), .rdata(v_rdata), .ddata(d_rdata), .p_addr(p_addr), .p_data(p_data),
                .write(f_write), .waddr(f_waddr), .wdata(f_wdata), .grown(f_grown), .o_en(fire_en),
                .o_data(fired));
        end
    endgenerate

    generate
        if (PARTS > 1) begin : g_gather
            snn_gather #(.PARTS(PARTS), .WIDTH(FIRE_LANES * OUT_CW)) u_gather (
                .clk(clk), .rst(rst), .i_en(fire_en), .i_data(fired), .o_en(word_en), .o_data(o_data));
        end else begin : g_parts
            assign word_en = fire_en;
            assign o_data = fired;
        end
    endgenerate

    assign o_en = word_en && emits;
    assign o_commit = fire_done && emits;
    assign o_meta = meta_q & ~({{(MW-1){1'b0}}, 1'b1} << 2);    // what a layer sends is never "empty"
endmodule
`default_nettype wire
