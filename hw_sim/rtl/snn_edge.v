// One projection's input: the bands that its source writes, the scanner, the place table where there is one, the
// scatter walk and the weight lanes.
// A band is a frame or, with BANDS > 1, some whole rows of its map. With each turn that the layer gives it, it adds one
// band's events to the layer's potentials and is done. It starts as soon as the band's first word is there and follows
// the source. The last word comes with the meta word, so that is known when it is done. A frame whose meta word says
// "empty" has no words and costs two cycles.
// LATE: each frame reads the one before, when all of it is there: nothing in the first turn of all, and no events from the
// last frame of an image.
`default_nettype none
module snn_edge #(
    parameter SRC_LANES = 4,
    parameter CW = 1,
    parameter D0 = 1,
    parameter D1 = 1,
    parameter BLOCKS = 4,
    parameter D0W = 1,
    parameter D1W = 1,
    parameter D2W = 4,
    parameter BANDS = 1,        // per frame
    parameter WORDS = 4,        // of a band
    parameter BANKS = 2,        // bands that there is room for
    parameter AW = 3,           // address width of BANKS * WORDS words
    parameter MW = 8,
    parameter EVERY = 0,        // zeros are events too
    parameter TALLY = 0,        // bits of a count of spikes, which an event then brings (snn_tally); 0: the element itself
    parameter SUMS = 0,         // with TALLY: of a sum of values, ...
    parameter SUMS_SIGNED = 0,  // ... which have a sign
    parameter PACK = 1,         // elements of a channel-wise event: so many neighbouring channels
    parameter DEEP = 0,         // registers between scanner and walk and behind the products
    parameter LATE = 0,
    parameter KEEPS = 0,        // the meta word says whether an image goes on in the next
    parameter PLACES = 0,       // entries of the place table; 0: the scanner's coordinates are the view's
    parameter PLACE_CW = 1,     // width of c in the place table
    parameter PLACE_FILE = "place.mem",
    parameter HAS_MAP = 0,
    parameter LANES_ON_X = 0,
    parameter CHANNELWISE = 0,
    parameter GROUPS = 1,
    parameter WAW = 4,
    parameter VAW = 4,
    parameter NW = 1,
    parameter BW = 1,
    parameter WSTRIDE = 1,
    parameter WSTEP_Y = 0,
    parameter WSTEP_X = 0,
    parameter VSTEP_Y = 0,
    parameter VSTEP_X = 0,
    parameter RING = 0,         // words of the layer's potentials where their rows come round; 0: a whole map
    parameter Y_DEPTH = 1,
    parameter X_DEPTH = 1,
    parameter C_DEPTH = 1,
    parameter YW = 1,
    parameter XW = 1,
    parameter Y_FILE = "y.mem",
    parameter X_FILE = "x.mem",
    parameter C_FILE = "c.mem",
    parameter LANES = 4,
    parameter TAPS = 1,         // words of potentials that an access reaches, ...
    parameter SLOTS = TAPS,     // ... and that the layer has room for
    parameter WB = 8,
    parameter VALUES = 0,
    parameter VALUE_SIGNED = 0,
    parameter ONES = 0,
    parameter LANES_PER_CHANNEL = 0,
    parameter MAXIMUM = 0,
    parameter SHIFT = 0,
    parameter VW = 16,
    parameter WDEPTH = 16,
    parameter W_BLOCKS = 1,     // of the weight ROM
    parameter BEATS = 0,        // of a weight word, where weights are loaded (snn_load; TAPS = 1); 0: they are in a file
    parameter DW = 1,           // bits of a beat
    parameter W_FILE = "w.mem"
) (
    input  wire                    clk,
    input  wire                    rst,
    // the source writes a band word by word, in order
    output wire                    w_ready,
    input  wire                    w_en,
    input  wire [SRC_LANES*CW-1:0] w_data,
    input  wire                    w_commit,
    input  wire [MW-1:0]           w_meta,
    // loading of the weights
    input  wire                    t_restart,
    input  wire                    t_en,
    input  wire [DW-1:0]           t_data,
    // the layer
    input  wire                    turn,
    output wire                    done,
    output wire [MW-1:0]           meta,
    output wire                    o_valid,
    output wire [VAW-1:0]          o_vaddr,
    output wire [SLOTS-1:0]        o_mask,
    output wire [SLOTS*LANES*VW-1:0] o_data
);
    localparam FINAL = 0, EMPTY = 2, KEEP = 3;      // bits of the meta word: {T, keep (KEEPS), empty, drive, final}
    localparam EW = (SUMS != 0) ? TALLY : (TALLY != 0) ? TALLY + 1 : CW;     // an element's value
    localparam VALUEW = PACK * EW;                                           // an event's

    localparam [1:0] IDLE = 2'd0, RUN = 2'd1, DONE = 2'd2;
    reg [1:0] state_q;

    wire early, unseen;         // LATE: there is no frame before; it is another image's
    wire have, word_there, word_load, scan_busy, skid_busy, place_busy, walk_busy, lanes_busy;
    wire [AW-1:0] w_addr, raddr;
    wire [SRC_LANES*CW-1:0] rdata;
    wire ends = meta[FINAL] && !(KEEPS != 0 && meta[KEEP]);
    wire word_ready = word_there && (LATE == 0 || have);
    wire idle = state_q == IDLE && ((turn && have && meta[EMPTY]) || (turn && early));
    wire start = state_q == IDLE && turn && word_ready && !idle;

    assign done = state_q == DONE;

    always @(posedge clk)
        if (rst) state_q <= IDLE;
        else case (state_q)
            IDLE: if (start || idle) state_q <= idle ? DONE : RUN;
            RUN: if (!scan_busy && !skid_busy && !place_busy && !walk_busy && !lanes_busy) state_q <= DONE;
            default: state_q <= IDLE;
        endcase

    snn_bank #(.BANKS(BANKS), .WORDS(WORDS), .AW(AW), .MW(MW)) u_bank (
        .clk(clk), .rst(rst),
        .w_ready(w_ready), .w_en(w_en), .w_addr(w_addr), .w_commit(w_commit), .w_meta(w_meta),
        .have(have), .r_meta(meta), .r_release(done && !early));

    snn_ram #(.WIDTH(SRC_LANES * CW), .DEPTH(BANKS * WORDS), .AW(AW)) u_events (
        .clk(clk), .we(w_en), .waddr(w_addr), .wdata(w_data), .raddr(raddr), .rdata(rdata));

    generate
        if (LATE != 0) begin : g_late
            reg early_q;
            always @(posedge clk)
                if (rst) early_q <= 1'b1;
                else if (done) early_q <= 1'b0;
            assign early = early_q;
            assign unseen = ends;
        end else begin : g_on_time
            assign {early, unseen} = 2'b00;
        end
    endgenerate

    wire [SRC_LANES*CW-1:0] seen = rdata & {SRC_LANES*CW{!unseen}};
    wire [SRC_LANES*EW-1:0] elements;
    generate
        if (TALLY != 0) begin : g_tally
            localparam PW = (WORDS > 1) ? $clog2(WORDS) : 1;
            snn_tally #(
                .LANES(SRC_LANES), .CW(CW), .TALLY(TALLY), .SUMS(SUMS), .SIGNED(SUMS_SIGNED), .EW(EW), .WORDS(WORDS), .PW(PW)
            ) u_tally (
                .clk(clk), .rst(rst), .frame_end(done && !early), .restart(ends), .load(word_load), .elements(seen),
                .o_data(elements));
        end else begin : g_plain
            assign elements = seen;
        end
    endgenerate

    wire scan_valid, scan_ready, ev_valid, ev_ready;
    wire [D0W-1:0] scan_d0;
    wire [D1W-1:0] scan_d1;
    wire [D2W-1:0] scan_d2;
    wire [VALUEW-1:0] scan_value;
    wire [D0W-1:0] ev_d0;
    wire [D1W-1:0] ev_d1;
    wire [D2W-1:0] ev_d2;
    wire [VALUEW-1:0] ev_value;
    snn_scan #(
        .LANES(SRC_LANES / PACK), .CW(VALUEW), .D0(D0), .D1(D1), .BLOCKS(BLOCKS), .BANDS(BANDS),
        .D0W(D0W), .D1W(D1W), .D2W(D2W), .DEPTH(BANKS * WORDS), .AW(AW), .EVERY(EVERY)
    ) u_scan (
        .clk(clk), .rst(rst), .start(start), .w_addr(w_addr), .whole(have), .ready(word_there), .busy(scan_busy),
        .load(word_load), .raddr(raddr), .rdata(elements),
        .ev_valid(scan_valid), .ev_ready(scan_ready),
        .ev_d0(scan_d0), .ev_d1(scan_d1), .ev_d2(scan_d2), .ev_value(scan_value));

    generate
        if (DEEP != 0) begin : g_skid
            snn_skid #(.WIDTH(D0W + D1W + D2W + VALUEW)) u_skid (
                .clk(clk), .rst(rst), .i_valid(scan_valid), .i_ready(scan_ready),
                .i_data({scan_d0, scan_d1, scan_d2, scan_value}), .o_valid(ev_valid), .o_ready(ev_ready),
                .o_data({ev_d0, ev_d1, ev_d2, ev_value}));
            assign skid_busy = ev_valid;
        end else begin : g_through
            assign {ev_valid, ev_d0, ev_d1, ev_d2, ev_value} = {scan_valid, scan_d0, scan_d1, scan_d2, scan_value};
            assign scan_ready = ev_ready;
            assign skid_busy = 1'b0;
        end
    endgenerate

    localparam V0W = (PLACES != 0) ? YW : D0W;
    localparam V1W = (PLACES != 0) ? XW : D1W;
    localparam V2W = (PLACES != 0) ? PLACE_CW : D2W;
    wire p_valid, p_ready;
    wire [V0W-1:0] p_d0;
    wire [V1W-1:0] p_d1;
    wire [V2W-1:0] p_d2;
    wire [VALUEW-1:0] p_value;
    generate
        if (PLACES != 0) begin : g_place
            snn_place #(
                .CW(VALUEW), .EW(D2W), .YW(YW), .XW(XW), .DW(PLACE_CW), .DEPTH(PLACES), .FILE(PLACE_FILE)
            ) u_place (
                .clk(clk), .rst(rst), .i_valid(ev_valid), .i_ready(ev_ready), .i_element(ev_d2), .i_value(ev_value),
                .o_valid(p_valid), .o_ready(p_ready), .o_y(p_d0), .o_x(p_d1), .o_c(p_d2), .o_value(p_value));
            assign place_busy = p_valid;
        end else begin : g_straight
            assign {p_valid, p_d0, p_d1, p_d2, p_value} = {ev_valid, ev_d0, ev_d1, ev_d2, ev_value};
            assign ev_ready = p_ready;
            assign place_busy = 1'b0;
        end
    endgenerate

    wire t_valid;
    wire [WAW-1:0] t_waddr;
    wire [VAW-1:0] t_vaddr;
    wire [TAPS-1:0] t_mask, l_mask;
    wire [TAPS*LANES*VW-1:0] l_data;
    wire [VALUEW-1:0] t_value;
    wire [BW-1:0]  t_block;
    snn_walk #(
        .CW(VALUEW), .D0W(V0W), .D1W(V1W), .D2W(V2W),
        .HAS_MAP(HAS_MAP), .LANES_ON_X(LANES_ON_X), .CHANNELWISE(CHANNELWISE), .TAPS(TAPS), .GROUPS(GROUPS),
        .WAW(WAW), .VAW(VAW), .NW(NW), .BW(BW),
        .WSTRIDE(WSTRIDE), .WSTEP_Y(WSTEP_Y), .WSTEP_X(WSTEP_X), .VSTEP_Y(VSTEP_Y), .VSTEP_X(VSTEP_X), .RING(RING),
        .Y_DEPTH(Y_DEPTH), .X_DEPTH(X_DEPTH), .C_DEPTH(C_DEPTH), .YW(YW), .XW(XW),
        .Y_FILE(Y_FILE), .X_FILE(X_FILE), .C_FILE(C_FILE)
    ) u_walk (
        .clk(clk), .rst(rst), .ev_valid(p_valid), .ev_ready(p_ready),
        .ev_d0(p_d0), .ev_d1(p_d1), .ev_d2(p_d2), .ev_value(p_value), .busy(walk_busy),
        .o_valid(t_valid), .o_waddr(t_waddr), .o_vaddr(t_vaddr), .o_mask(t_mask), .o_value(t_value), .o_block(t_block));

    wire w_we;
    wire [WAW-1:0] w_waddr;
    wire [LANES*WB-1:0] w_word;
    generate
        if (BEATS != 0) begin : g_loaded
            snn_fill #(.DW(DW), .BEATS(BEATS), .WIDTH(LANES * WB), .DEPTH(WDEPTH), .AW(WAW)) u_fill (
                .clk(clk), .rst(t_restart), .en(t_en), .data(t_data), .we(w_we), .addr(w_waddr), .word(w_word));
        end else begin : g_fixed
            assign w_we = 1'b0;
            assign w_waddr = {WAW{1'b0}};
            assign w_word = {LANES*WB{1'b0}};
        end
    endgenerate

    snn_lanes #(
        .LANES(LANES), .TAPS(TAPS), .WB(WB), .CW(EW), .VALUES(VALUES), .VALUE_SIGNED(VALUE_SIGNED), .ONES(ONES),
        .LANES_PER_CHANNEL(LANES_PER_CHANNEL), .PACK(PACK), .MAXIMUM(MAXIMUM), .DEEP(DEEP), .BLOCKS(W_BLOCKS), .SHIFT(SHIFT), .VW(VW),
        .WDEPTH(WDEPTH), .WAW(WAW), .VAW(VAW), .BW(BW), .WRITABLE(BEATS != 0), .FILE(W_FILE)
    ) u_lanes (
        .clk(clk), .rst(rst), .w_we(w_we), .w_addr(w_waddr), .w_data(w_word),
        .i_valid(t_valid), .i_waddr(t_waddr), .i_vaddr(t_vaddr), .i_mask(t_mask), .i_value(t_value),
        .i_block(t_block), .busy(lanes_busy), .o_valid(o_valid), .o_vaddr(o_vaddr), .o_mask(l_mask), .o_data(l_data));

    generate
        if (SLOTS > TAPS) begin : g_more
            assign o_mask = {{(SLOTS-TAPS){1'b0}}, l_mask};
            assign o_data = {{((SLOTS-TAPS)*LANES*VW){1'b0}}, l_data};
        end else begin : g_all
            assign o_mask = l_mask;
            assign o_data = l_data;
        end
    endgenerate
endmodule
`default_nettype wire
