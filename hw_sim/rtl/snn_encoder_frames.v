// Encoder of sequences: each pixel of a frame is a value, written as it arrives in words of LANES values. EXT empty frames
// follow a sequence. A wrong one (T = 0 with a frame's last pixel) ends with that frame.
`default_nettype none
module snn_encoder_frames #(
    parameter LANES = 4,
    parameter PB = 8,
    parameter TW = 4,
    parameter MW = 7,               // {T, keep (if there is room for it), empty, drive, final}
    parameter EXT = 0,
    parameter LAST_LANES = LANES    // values in a frame's last word
) (
    input  wire                clk,
    input  wire                rst,
    output wire                allow,
    input  wire                p_valid,
    input  wire [PB-1:0]       p_data,
    input  wire [TW-1:0]       p_timesteps,
    input  wire                p_end,
    input  wire                p_last,
    input  wire                p_keep,
    input  wire                o_ready,
    output wire                o_en,
    output wire [LANES*PB-1:0] o_data,
    output wire                o_commit,
    output wire [MW-1:0]       o_meta
);
    localparam LW = (LANES > 1) ? $clog2(LANES) : 1;
    localparam EW = (EXT > 0) ? $clog2(EXT + 1) : 1;
    localparam [LW-1:0] L_END = LANES - 1;
    localparam [EW-1:0] E_END = EXT;
    localparam [1:0] IDLE = 2'd0, LOAD = 2'd1, EMPTY = 2'd2;

    reg [1:0]          state_q;
    reg                valid_q, end_q, last_q, keep_q;
    reg [PB-1:0]       value_q;
    reg [TW-1:0]       t_q;
    reg [EW-1:0]       empty_q;
    reg [LW-1:0]       lane_q;
    reg [LANES*PB-1:0] word_q;

    // values enter at the top of the word; a frame's last word is moved down to lane 0
    wire [(LANES+1)*PB-1:0] word = {value_q, word_q};
    wire full = lane_q == L_END;
    wire committed = valid_q && end_q;
    wire follow = EXT != 0 && last_q && t_q != 0;       // empty frames
    wire empty_sent = state_q == EMPTY && o_ready;
    wire final_frame = state_q == EMPTY ? empty_q == E_END : last_q && !follow;

    assign allow = state_q == LOAD || (state_q == IDLE && o_ready && !valid_q);
    assign o_en = valid_q && (full || end_q);
    assign o_data = (end_q ? word >> ((LANES - LAST_LANES) * PB) : word) >> PB;
    assign o_commit = committed || empty_sent;
    generate
        if (MW > TW + 3) begin : g_keep
            assign o_meta = {t_q, keep_q, state_q == EMPTY, state_q != EMPTY, final_frame};
        end else begin : g_no_keep
            assign o_meta = {t_q, state_q == EMPTY, state_q != EMPTY, final_frame};
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            state_q <= IDLE;
            valid_q <= 1'b0;
        end else begin
            valid_q <= p_valid;
            case (state_q)
                EMPTY: if (empty_sent && final_frame) state_q <= IDLE;
                default: begin
                    if (p_valid) state_q <= p_end ? IDLE : LOAD;
                    else if (committed && follow) state_q <= EMPTY;
                end
            endcase
        end
        {end_q, last_q} <= {p_end, p_last};
        if (p_valid) {t_q, keep_q, value_q} <= {p_timesteps, p_keep, p_data};
        empty_q <= empty_sent ? empty_q + 1'b1 : committed ? 1 : empty_q;
        if (rst || o_en) lane_q <= 0;
        else if (valid_q) lane_q <= lane_q + 1'b1;
        if (rst || committed) word_q <= 0;
        else if (valid_q) word_q <= word >> PB;
    end
endmodule
`default_nettype wire
