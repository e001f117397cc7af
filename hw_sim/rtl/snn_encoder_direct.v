// Encoder that turns each pixel into one value as it arrives and writes words of LANES values.
//   RATE (count):              n = floor(p*T / L), L = 2^PB - 1, by FOLDS of x -> (x >> PB) + (x & L)
//   current, BY_T = 1 (count): n = p*T
//   current, BY_T = 0 (step):  p in the first frame of the image, then T + EXT - 1 empty frames
// A wrong image (T = 0 with its last pixel) is one final frame. With BAND_PIXELS a frame goes out in bands of so many.
// DEEP: a pixel and its value have registers of their own beside x: words leave two cycles later.
`default_nettype none
module snn_encoder_direct #(
    parameter LANES = 4,
    parameter PB = 8,
    parameter SIGNED = 0,
    parameter RATE = 1,
    parameter BY_T = 1,
    parameter FOLDS = 1,
    parameter CW = 4,
    parameter TW = 4,
    parameter MW = 7,
    parameter EXT = 0,
    parameter DEEP = 0,
    parameter BAND_PIXELS = 0,      // 0: the whole image
    parameter LAST_LANES = LANES    // values in an image's last word
) (
    input  wire                clk,
    input  wire                rst,
    output wire                allow,
    input  wire                p_valid,
    input  wire [PB-1:0]       p_data,
    input  wire [TW-1:0]       p_timesteps,
    input  wire                p_end,
    input  wire                o_ready,
    output wire                o_en,
    output wire [LANES*CW-1:0] o_data,
    output wire                o_commit,
    output wire [MW-1:0]       o_meta
);
    localparam LW = (LANES > 1) ? $clog2(LANES) : 1;
    localparam XW = PB + TW + 1;
    localparam [LW-1:0] L_END = LANES - 1;
    localparam [1:0] IDLE = 2'd0, LOAD = 2'd1, FRAMES = 2'd2;

    reg [1:0]          state_q;
    reg                valid0_q, valid1_q, valid_q, end0_q, end1_q, end_q;
    reg [PB-1:0]       p_q;
    reg [XW-1:0]       x_q, late_q;
    reg [TW-1:0]       t_q, frame_q;
    reg [LW-1:0]       lane_q;
    reg [LANES*CW-1:0] word_q;

    wire [PB-1:0]      bits = DEEP != 0 ? p_q : p_data;
    wire signed [PB:0] pixel = {(SIGNED != 0) & bits[PB-1], bits};
    wire signed [TW:0] steps = {1'b0, DEEP != 0 ? t_q : p_timesteps};       // t_q is p_q's
    wire [TW-1:0] frames = t_q + EXT;
    wire single = frames == 1 || t_q == 0;

    // floor(x / (2^PB - 1)) without a divider: x = h*2^PB + l = h*L + (h + l)
    reg [XW-1:0] x, quotient, soon;
    wire [XW-1:0] value = DEEP != 0 ? late_q : soon;
    integer i;
    always @* begin
        x = x_q;
        quotient = 0;
        for (i = 0; i < FOLDS; i = i + 1) begin
            quotient = quotient + (x >> PB);
            x = (x >> PB) + {{(XW-PB){1'b0}}, x[PB-1:0]};
        end
        if (x >= {{(XW-PB){1'b0}}, {PB{1'b1}}}) quotient = quotient + 1'b1;
        soon = (RATE != 0) ? quotient : x_q;
    end

    // values enter at the top of the word; an image's last word is moved down to lane 0
    wire [(LANES+1)*CW-1:0] word = {value[CW-1:0], word_q};
    wire full = lane_q == L_END;
    wire committed = valid_q && end_q;
    wire band_end;
    generate
        if (BAND_PIXELS != 0) begin : g_bands
            localparam NW = (BAND_PIXELS > 1) ? $clog2(BAND_PIXELS) : 1;
            localparam [NW-1:0] N_END = BAND_PIXELS - 1;
            reg [NW-1:0] pixel_q;
            assign band_end = pixel_q == N_END;
            always @(posedge clk)
                if (rst) pixel_q <= 0;
                else if (p_valid) pixel_q <= band_end ? {NW{1'b0}} : pixel_q + 1'b1;
        end else begin : g_image
            assign band_end = p_end;
        end
    endgenerate
    wire frame_sent = state_q == FRAMES && o_ready;

    wire pending = valid_q || (DEEP != 0 && (valid0_q || valid1_q));
    assign allow = state_q == LOAD || (state_q == IDLE && o_ready && !pending);
    assign o_en = valid_q && (full || end_q);
    assign o_data = (end_q ? word >> ((LANES - LAST_LANES) * CW) : word) >> CW;
    assign o_commit = committed || frame_sent;
    wire last_frame = state_q == FRAMES ? frame_q == frames : single;
    wire driven = state_q != FRAMES || frame_q <= t_q;
    assign o_meta = {t_q, state_q == FRAMES, driven, BY_T != 0 || last_frame};

    always @(posedge clk) begin
        if (rst) begin
            state_q <= IDLE;
            {valid0_q, valid1_q, valid_q} <= 3'b000;
        end else begin
            {valid0_q, valid1_q, valid_q} <= {p_valid, valid0_q, DEEP != 0 ? valid1_q : p_valid};
            case (state_q)
                FRAMES: if (frame_sent && last_frame) state_q <= IDLE;
                default: begin
                    if (p_valid) state_q <= band_end ? IDLE : LOAD;
                    else if (committed && BY_T == 0 && !single) state_q <= FRAMES;
                end
            endcase
        end
        {end0_q, end1_q, end_q} <= {band_end, end0_q, DEEP != 0 ? end1_q : band_end};
        if (p_valid) t_q <= p_timesteps;
        p_q <= p_data;
        if (p_valid || DEEP != 0) x_q <= (BY_T != 0) ? pixel * steps : pixel;
        late_q <= soon;
        frame_q <= committed ? 2 : (frame_sent ? frame_q + 1'b1 : frame_q);
        if (rst || o_en) lane_q <= 0;
        else if (valid_q) lane_q <= lane_q + 1'b1;
        if (rst || (valid_q && end_q)) word_q <= 0;
        else if (valid_q) word_q <= word >> CW;
    end
endmodule
`default_nettype wire
