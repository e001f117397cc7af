// Scatter addresses of one event: all (weight word, potential word) pairs that it reaches, one a cycle.
// Per axis a small table gives how many window positions cover this coordinate, and the first one's contribution to
// both addresses, so that taps outside the map cost nothing; strides, dilation and pads live in the tables alone.
//   weight address = [channel part] + table_y.w + i*WSTEP_Y + table_x.w + j*WSTEP_X + g
//   target address = table_y.v + i*VSTEP_Y + table_x.v + j*VSTEP_X + g        i < table_y.n, j < table_x.n, g < GROUPS
// Full (conv, dense): channel part d2*WSTRIDE, g from 0. Channel-wise (depthwise, pools, identity): a third table
// gives the channel's first group and its block of lanes within the word. An event without targets costs one cycle.
// TAPS > 1: an access reaches up to so many outputs along x, from the first one backwards, of which `o_mask` says which are
// reached; the table of x then counts accesses, and has the masks of the first and the last one.
// With RING the target's rows lie in a ring of so many words, where a step of VSTEP_Y, which is backwards, may wrap.
`default_nettype none
module snn_walk #(
    parameter CW = 1,
    parameter D0W = 1,
    parameter D1W = 1,
    parameter D2W = 1,
    parameter HAS_MAP = 0,      // 0: one position, no y and x tables
    parameter LANES_ON_X = 0,   // the event's lane axis is x (one-channel input): (y, x) = (d1, d2), channel 0
    parameter CHANNELWISE = 0,
    parameter TAPS = 1,
    parameter GROUPS = 1,       // words walked per window position
    parameter WAW = 4,
    parameter VAW = 4,
    parameter NW = 1,           // width of the tables' counts
    parameter BW = 1,           // width of the block number
    parameter WSTRIDE = 1,
    parameter WSTEP_Y = 0,
    parameter WSTEP_X = 0,
    parameter VSTEP_Y = 0,
    parameter VSTEP_X = 0,
    parameter RING = 0,
    parameter Y_DEPTH = 1,
    parameter X_DEPTH = 1,
    parameter C_DEPTH = 1,
    parameter YW = 1,           // address widths of the tables
    parameter XW = 1,
    parameter Y_FILE = "y.mem",
    parameter X_FILE = "x.mem",
    parameter C_FILE = "c.mem"
) (
    input  wire           clk,
    input  wire           rst,
    input  wire           ev_valid,
    output wire           ev_ready,
    input  wire [D0W-1:0] ev_d0,
    input  wire [D1W-1:0] ev_d1,
    input  wire [D2W-1:0] ev_d2,
    input  wire [CW-1:0]  ev_value,
    output wire           busy,
    output wire           o_valid,
    output wire [WAW-1:0] o_waddr,
    output wire [VAW-1:0] o_vaddr,
    output wire [TAPS-1:0] o_mask,
    output wire [CW-1:0]  o_value,
    output wire [BW-1:0]  o_block
);
    localparam GW = (GROUPS > 1) ? $clog2(GROUPS) : 1;
    localparam [GW-1:0] G_END = GROUPS - 1, G_BEFORE = G_END - 1'b1;
    localparam [WAW-1:0] W_STRIDE = WSTRIDE;
    localparam [WAW-1:0] W_NEXT_X = WSTEP_X - (GROUPS - 1);
    localparam [VAW-1:0] V_NEXT_X = VSTEP_X - (GROUPS - 1);
    localparam [WAW-1:0] W_NEXT_Y = WSTEP_Y;
    localparam [VAW-1:0] V_NEXT_Y = VSTEP_Y, V_BACK = -VSTEP_Y, V_WRAP = RING + VSTEP_Y;

    // stage a: the event while its tables are read
    reg           a_valid_q;
    reg [D0W-1:0] a_d0_q;
    reg [D1W-1:0] a_d1_q;
    reg [D2W-1:0] a_d2_q;
    reg [CW-1:0]  a_value_q;

    // stage b: the walk
    reg           b_valid_q;
    reg [NW-1:0]  b_y_q, b_x_q, b_nx_q;     // remaining positions minus one
    reg           b_last_g_q, b_last_x_q, b_last_y_q;       // none remains after this one
    reg           b_free_q;                 // no event, or the last access of one: a register, since all waits for it
    reg [GW-1:0]  b_g_q;
    reg [WAW-1:0] b_w_q, b_wrow_q;
    reg [VAW-1:0] b_v_q, b_vrow_q, b_vy_q;
    reg [TAPS-1:0] b_first_q, b_final_q;    // masks of a row's first and last access
    reg [CW-1:0]  b_value_q;
    reg [BW-1:0]  b_block_q;

    wire b_end_g = b_last_g_q;
    wire b_end_x = b_end_g && b_last_x_q;
    wire a_take = a_valid_q && b_free_q;
    wire [VAW-1:0] b_row = TAPS > 1 ? b_vy_q : b_vrow_q;    // a first slot may lie beyond the row
    wire [VAW-1:0] b_to_next = RING != 0 && b_row < V_BACK ? V_WRAP : V_NEXT_Y;
    wire next_g = b_end_g ? G_END == 0 : b_g_q == G_BEFORE;             // as the flags will be after this access
    wire next_x = b_end_x ? b_nx_q == 0 : b_end_g ? b_x_q == 1 : b_last_x_q;
    wire next_y = b_end_x ? b_y_q == 1 : b_last_y_q;
    wire accept = ev_valid && ev_ready;
    assign ev_ready = !a_valid_q || b_free_q;
    assign busy = a_valid_q || b_valid_q;

    wire [D0W-1:0] look_d0 = ev_ready ? ev_d0 : a_d0_q;     // without an event of whatever
    wire [D1W-1:0] look_d1 = ev_ready ? ev_d1 : a_d1_q;
    wire [D2W-1:0] look_d2 = ev_ready ? ev_d2 : a_d2_q;

    wire [NW-1:0]  ny, nx;
    wire [WAW-1:0] wy, wx, wc;
    wire [VAW-1:0] vy, vx, vc;
    wire [TAPS-1:0] mask_first, mask_last;
    wire [BW-1:0]  block;

    generate
        if (HAS_MAP != 0) begin : g_map
            wire [YW-1:0] look_y;
            wire [XW-1:0] look_x;
            if (LANES_ON_X != 0) begin : g_on_x
                assign look_y = look_d1;
                assign look_x = look_d2;
            end else begin : g_on_c
                assign look_y = look_d0;
                assign look_x = look_d1;
            end
            snn_rom #(.WIDTH(NW + WAW + VAW), .DEPTH(Y_DEPTH), .AW(YW), .FILE(Y_FILE)) u_y (
                .clk(clk), .addr(look_y), .data({ny, wy, vy}));
            if (TAPS > 1) begin : g_taps
                snn_rom #(.WIDTH(2 * TAPS + NW + WAW + VAW), .DEPTH(X_DEPTH), .AW(XW), .FILE(X_FILE)) u_x (
                    .clk(clk), .addr(look_x), .data({mask_last, mask_first, nx, wx, vx}));
            end else begin : g_tap
                snn_rom #(.WIDTH(NW + WAW + VAW), .DEPTH(X_DEPTH), .AW(XW), .FILE(X_FILE)) u_x (
                    .clk(clk), .addr(look_x), .data({nx, wx, vx}));
                assign {mask_last, mask_first} = 2'b11;
            end
        end else begin : g_point
            assign {ny, wy, vy} = {{{(NW-1){1'b0}}, 1'b1}, {WAW{1'b0}}, {VAW{1'b0}}};
            assign {nx, wx, vx} = {{{(NW-1){1'b0}}, 1'b1}, {WAW{1'b0}}, {VAW{1'b0}}};
            assign {mask_last, mask_first} = {2*TAPS{1'b1}};
        end
        if (CHANNELWISE != 0) begin : g_channelwise
            wire [VAW-1:0] group;
            wire [D2W-1:0] look_c = (LANES_ON_X != 0) ? {D2W{1'b0}} : look_d2;
            snn_rom #(.WIDTH(VAW + BW), .DEPTH(C_DEPTH), .AW(D2W), .FILE(C_FILE)) u_c (
                .clk(clk), .addr(look_c), .data({group, block}));
            assign vc = group;
            assign wc = group;
        end else begin : g_full
            reg [WAW-1:0] wc_q;
            always @(posedge clk) if (accept) wc_q <= (LANES_ON_X != 0) ? {WAW{1'b0}} : ev_d2 * W_STRIDE;
            assign wc = wc_q;
            assign vc = {VAW{1'b0}};
            assign block = {BW{1'b0}};
        end
    endgenerate

    wire [WAW-1:0] first_w = wc + wy + wx;
    wire [VAW-1:0] first_v = vc + vy + vx;

    always @(posedge clk) begin
        if (rst) begin
            a_valid_q <= 1'b0;
            b_valid_q <= 1'b0;
            b_free_q <= 1'b1;
        end else begin
            if (accept) a_valid_q <= 1'b1;
            else if (a_take) a_valid_q <= 1'b0;
            if (a_take) b_free_q <= ny == 0 || nx == 0 || (G_END == 0 && nx == 1 && ny == 1);
            else if (!b_free_q) b_free_q <= next_g && next_x && next_y;
            if (a_take) b_valid_q <= ny != 0 && nx != 0;
            else if (b_free_q) b_valid_q <= 1'b0;
        end
        a_d0_q <= look_d0;
        a_d1_q <= look_d1;
        a_d2_q <= look_d2;
        if (accept) a_value_q <= ev_value;
        if (a_take) {b_last_g_q, b_last_x_q, b_last_y_q} <= {G_END == 0, nx == 1, ny == 1};
        else {b_last_g_q, b_last_x_q, b_last_y_q} <= {next_g, next_x, next_y};
        if (a_take) begin
            b_y_q <= ny - 1'b1;
            b_x_q <= nx - 1'b1;
            b_nx_q <= nx - 1'b1;
            b_g_q <= 0;
            b_w_q <= first_w;
            b_wrow_q <= first_w;
            b_v_q <= first_v;
            b_vrow_q <= first_v;
            b_vy_q <= vy;
            b_first_q <= mask_first;
            b_final_q <= mask_last;
            b_value_q <= a_value_q;
            b_block_q <= block;
        end else if (b_end_x) begin
            b_y_q <= b_y_q - 1'b1;
            b_x_q <= b_nx_q;
            b_g_q <= 0;
            b_w_q <= b_wrow_q + W_NEXT_Y;
            b_wrow_q <= b_wrow_q + W_NEXT_Y;
            b_v_q <= b_vrow_q + b_to_next;
            b_vrow_q <= b_vrow_q + b_to_next;
            b_vy_q <= b_vy_q + b_to_next;
        end else if (b_end_g) begin
            b_x_q <= b_x_q - 1'b1;
            b_g_q <= 0;
            b_w_q <= b_w_q + W_NEXT_X;
            b_v_q <= b_v_q + V_NEXT_X;
        end else begin
            b_g_q <= b_g_q + 1'b1;
            b_w_q <= b_w_q + 1'b1;
            b_v_q <= b_v_q + 1'b1;
        end
    end

    assign o_valid = b_valid_q;
    assign o_waddr = b_w_q;
    assign o_vaddr = b_v_q;
    assign o_mask = (b_x_q == b_nx_q ? b_first_q : {TAPS{1'b1}}) & (b_last_x_q ? b_final_q : {TAPS{1'b1}});
    assign o_value = b_value_q;
    assign o_block = b_block_q;
endmodule
`default_nettype wire
