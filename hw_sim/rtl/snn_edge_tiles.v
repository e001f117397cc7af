// An edge as snn_edge, whose weights come from outside, tile by tile (snn_tiles): those of PART channels of its source.
// It waits for a whole frame, which the source sends in BANDS bands, and takes it once per tile, only those channels: so
// each weight is read once per frame. The frame's words are stored block after block, so that those of a tile lie in a row.
// A place in the order of tiles is a place in the ring, whose words the walk reads as a map of SLOTS * PART channels.
`default_nettype none
module snn_edge_tiles #(
    parameter SRC_LANES = 4,
    parameter CW = 1,
    parameter D0 = 1,
    parameter D1 = 1,
    parameter BLOCKS = 4,
    parameter D0W = 1,
    parameter D1W = 1,
    parameter BANDS = 1,
    parameter BANKS = 2,        // frames that there is room for
    parameter AW = 3,           // address width of BANKS * D0 * D1 * BLOCKS words
    parameter MW = 8,
    parameter PART = 2,         // channels of a tile; divides SRC_LANES
    parameter TILE = 16,        // words of a tile
    parameter SLOTS = 2,        // tiles of the ring
    parameter DW = 64,
    parameter BEATS = 1,        // of a word
    parameter BURST = 16,
    parameter HAS_MAP = 0,
    parameter GROUPS = 1,
    parameter WAW = 5,          // address width of SLOTS * TILE words
    parameter VAW = 4,
    parameter NW = 1,
    parameter WSTRIDE = 1,
    parameter WSTEP_Y = 0,
    parameter WSTEP_X = 0,
    parameter VSTEP_Y = 0,
    parameter VSTEP_X = 0,
    parameter Y_DEPTH = 1,
    parameter X_DEPTH = 1,
    parameter YW = 1,
    parameter XW = 1,
    parameter Y_FILE = "y.mem",
    parameter X_FILE = "x.mem",
    parameter LANES = 4,
    parameter WB = 8,
    parameter VALUES = 0,
    parameter VALUE_SIGNED = 0,
    parameter SHIFT = 0,
    parameter VW = 16
) (
    input  wire                    clk,
    input  wire                    rst,
    output wire                    w_ready,
    input  wire                    w_en,
    input  wire [SRC_LANES*CW-1:0] w_data,
    input  wire                    w_commit,
    input  wire [MW-1:0]           w_meta,
    // the reader of the weights
    output wire                    t_room,
    input  wire                    t_asked,
    input  wire [6:0]              t_beats,
    input  wire                    t_en,
    input  wire [DW-1:0]           t_data,
    // the layer
    input  wire                    turn,
    output wire                    done,
    output wire [MW-1:0]           meta,
    output wire                    o_valid,
    output wire [VAW-1:0]          o_vaddr,
    output wire                    o_mask,
    output wire [LANES*VW-1:0]     o_data
);
    localparam PLACES = D0 * D1, FRAME = PLACES * BLOCKS, PARTS = SRC_LANES / PART;
    localparam KW = (BLOCKS > 1) ? $clog2(BLOCKS) : 1;
    localparam SW = (PARTS > 1) ? $clog2(PARTS) : 1;
    localparam LW = (PART > 1) ? $clog2(PART) : 1;
    localparam CHW = (SLOTS * PART > 1) ? $clog2(SLOTS * PART) : 1;
    localparam [AW-1:0] A_PLACES = PLACES, A_FRAME = FRAME;
    localparam [AW-1:0] LAST_FRAME = (BANKS - 1) * FRAME, LAST_BLOCK = BANKS * FRAME - PLACES;
    localparam [KW-1:0] K_END = BLOCKS - 1;
    localparam [SW-1:0] S_END = PARTS - 1;
    localparam [CHW-1:0] STEP = PART, LAST_SLOT = (SLOTS - 1) * PART;
    localparam [1:0] IDLE = 2'd0, RUN = 2'd1, DONE = 2'd2;

    // ---- writing: a position's blocks come one after the other and go PLACES words apart
    wire frame_commit;
    reg [AW-1:0] w_frame_q, w_place_q, w_addr_q;
    reg [KW-1:0] w_block_q;
    wire [AW-1:0] w_next = w_frame_q == LAST_FRAME ? {AW{1'b0}} : w_frame_q + A_FRAME;
    generate
        if (BANDS > 1) begin : g_bands
            localparam NBW = $clog2(BANDS);
            localparam [NBW-1:0] N_END = BANDS - 1;
            reg [NBW-1:0] band_q;
            assign frame_commit = w_commit && band_q == N_END;
            always @(posedge clk)
                if (rst) band_q <= 0;
                else if (w_commit) band_q <= band_q == N_END ? {NBW{1'b0}} : band_q + 1'b1;
        end else begin : g_frame
            assign frame_commit = w_commit;
        end
    endgenerate
    always @(posedge clk)
        if (rst) begin
            {w_frame_q, w_place_q, w_addr_q} <= 0;
            w_block_q <= 0;
        end else if (frame_commit) begin
            {w_frame_q, w_place_q, w_addr_q} <= {3{w_next}};
            w_block_q <= 0;
        end else if (w_en) begin
            w_block_q <= w_block_q == K_END ? {KW{1'b0}} : w_block_q + 1'b1;
            w_addr_q <= w_block_q == K_END ? w_place_q + 1'b1 : w_addr_q + A_PLACES;
            if (w_block_q == K_END) w_place_q <= w_place_q + 1'b1;
        end

    wire have;
    wire [1:0] unused;
    snn_bank #(.BANKS(BANKS), .WORDS(1), .AW(2), .MW(MW)) u_bank (
        .clk(clk), .rst(rst),
        .w_ready(w_ready), .w_en(1'b0), .w_addr(unused), .w_commit(frame_commit), .w_meta(w_meta),
        .have(have), .r_meta(meta), .r_release(done));

    wire [AW-1:0] raddr;
    wire [SRC_LANES*CW-1:0] rdata;
    snn_ram #(.WIDTH(SRC_LANES * CW), .DEPTH(BANKS * FRAME), .AW(AW)) u_events (
        .clk(clk), .we(w_en), .waddr(w_addr_q), .wdata(w_data), .raddr(raddr), .rdata(rdata));

    // ---- tile after tile
    reg [1:0]     state_q;
    reg [KW-1:0]  block_q;
    reg [SW-1:0]  part_q;
    reg [AW-1:0]  block_addr_q;
    reg [CHW-1:0] slot_q;
    wire scan_busy, walk_busy, lanes_busy, ready;
    wire first = block_q == 0 && part_q == 0;
    wire block_end = part_q == S_END;
    wire start = state_q == IDLE && ready && (!first || (turn && have));
    wire tile_end = state_q == RUN && !scan_busy && !walk_busy && !lanes_busy;
    assign done = state_q == DONE;

    always @(posedge clk)
        if (rst) begin
            state_q <= IDLE;
            block_q <= 0;
            part_q <= 0;
            block_addr_q <= 0;
            slot_q <= 0;
        end else begin
            case (state_q)
                IDLE: if (start) state_q <= RUN;
                RUN: if (tile_end) state_q <= block_end && block_q == K_END ? DONE : IDLE;
                default: state_q <= IDLE;
            endcase
            if (tile_end) begin
                part_q <= block_end ? {SW{1'b0}} : part_q + 1'b1;
                slot_q <= slot_q == LAST_SLOT ? {CHW{1'b0}} : slot_q + STEP;
                if (block_end) begin
                    block_q <= block_q == K_END ? {KW{1'b0}} : block_q + 1'b1;
                    block_addr_q <= block_addr_q == LAST_BLOCK ? {AW{1'b0}} : block_addr_q + A_PLACES;
                end
            end
        end

    wire w_we;
    wire [WAW-1:0] w_waddr;
    wire [LANES*WB-1:0] w_word;
    snn_tiles #(
        .DW(DW), .BEATS(BEATS), .WIDTH(LANES * WB), .TILE(TILE), .SLOTS(SLOTS), .AW(WAW), .BURST(BURST)
    ) u_tiles (
        .clk(clk), .rst(rst), .room(t_room), .asked(t_asked), .asked_beats(t_beats), .en(t_en), .data(t_data),
        .ready(ready), .release_tile(tile_end), .we(w_we), .addr(w_waddr), .word(w_word));

    wire [SRC_LANES*CW-1:0] shifted = rdata >> (part_q * (PART * CW));
    wire [AW-1:0] place;
    wire scan_ready, scan_load;
    wire ev_valid, ev_ready;
    wire [D0W-1:0] ev_d0;
    wire [D1W-1:0] ev_d1;
    wire [LW-1:0]  ev_lane;
    wire [CW-1:0]  ev_value;
    assign raddr = block_addr_q + place;
    snn_scan #(
        .LANES(PART), .CW(CW), .D0(D0), .D1(D1), .BLOCKS(1), .BANDS(1), .D0W(D0W), .D1W(D1W), .D2W(LW),
        .DEPTH(PLACES), .AW(AW), .EVERY(0)
    ) u_scan (
        .clk(clk), .rst(rst), .start(start), .w_addr({AW{1'b0}}), .whole(1'b1), .ready(scan_ready), .busy(scan_busy),
        .load(scan_load), .raddr(place), .rdata(shifted[PART*CW-1:0]),
        .ev_valid(ev_valid), .ev_ready(ev_ready),
        .ev_d0(ev_d0), .ev_d1(ev_d1), .ev_d2(ev_lane), .ev_value(ev_value));

    wire t_valid, t_block, t_mask;
    wire [WAW-1:0] t_waddr;
    wire [VAW-1:0] t_vaddr;
    wire [CW-1:0]  t_value;
    wire [CHW+LW-1:0] channel = {{LW{1'b0}}, slot_q} + {{CHW{1'b0}}, ev_lane};
    snn_walk #(
        .CW(CW), .D0W(D0W), .D1W(D1W), .D2W(CHW),
        .HAS_MAP(HAS_MAP), .LANES_ON_X(0), .CHANNELWISE(0), .GROUPS(GROUPS),
        .WAW(WAW), .VAW(VAW), .NW(NW), .BW(1),
        .WSTRIDE(WSTRIDE), .WSTEP_Y(WSTEP_Y), .WSTEP_X(WSTEP_X), .VSTEP_Y(VSTEP_Y), .VSTEP_X(VSTEP_X), .RING(0),
        .Y_DEPTH(Y_DEPTH), .X_DEPTH(X_DEPTH), .C_DEPTH(1), .YW(YW), .XW(XW), .Y_FILE(Y_FILE), .X_FILE(X_FILE)
    ) u_walk (
        .clk(clk), .rst(rst), .ev_valid(ev_valid), .ev_ready(ev_ready),
        .ev_d0(ev_d0), .ev_d1(ev_d1), .ev_d2(channel[CHW-1:0]), .ev_value(ev_value), .busy(walk_busy),
        .o_valid(t_valid), .o_waddr(t_waddr), .o_vaddr(t_vaddr), .o_mask(t_mask), .o_value(t_value), .o_block(t_block));

    snn_lanes #(
        .LANES(LANES), .WB(WB), .CW(CW), .VALUES(VALUES), .VALUE_SIGNED(VALUE_SIGNED), .ONES(0),
        .LANES_PER_CHANNEL(0), .MAXIMUM(0), .SHIFT(SHIFT), .VW(VW),
        .WDEPTH(SLOTS * TILE), .WAW(WAW), .VAW(VAW), .BW(1), .WRITABLE(1)
    ) u_lanes (
        .clk(clk), .rst(rst), .w_we(w_we), .w_addr(w_waddr), .w_data(w_word),
        .i_valid(t_valid), .i_waddr(t_waddr), .i_vaddr(t_vaddr), .i_mask(t_mask), .i_value(t_value),
        .i_block(t_block), .busy(lanes_busy), .o_valid(o_valid), .o_vaddr(o_vaddr), .o_mask(o_mask), .o_data(o_data));
endmodule
`default_nettype wire
