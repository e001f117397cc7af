// Rate encoder of `step`: an image is stored, then each of T frames runs every pixel's neuron once, LANES at a time.
//   V += p;  s = V >= L;  V -= L*s      with V = 0 at the start, L = 2^PB - 1; EXT empty frames follow
// A wrong image (T = 0 with its last pixel) is forgotten. DEEP: what the memories answer is registered, all a cycle later.
`default_nettype none
module snn_encoder_step #(
    parameter LANES = 4,
    parameter PB = 8,
    parameter WORDS = 4,
    parameter SAW = 2,
    parameter TW = 4,
    parameter MW = 7,
    parameter EXT = 0,
    parameter DEEP = 0,
    parameter LAST_LANES = LANES    // pixels in an image's last word
) (
    input  wire             clk,
    input  wire             rst,
    output wire             allow,
    input  wire             p_valid,
    input  wire [PB-1:0]    p_data,
    input  wire [TW-1:0]    p_timesteps,
    input  wire             p_end,
    input  wire             o_ready,
    output wire             o_en,
    output wire [LANES-1:0] o_data,
    output wire             o_commit,
    output wire [MW-1:0]    o_meta
);
    localparam LW = (LANES > 1) ? $clog2(LANES) : 1;
    localparam [LW-1:0] L_END = LANES - 1;
    localparam [SAW-1:0] W_END = WORDS - 1;
    localparam [1:0] LOAD = 2'd0, WAIT = 2'd1, PASS = 2'd2, EMPTY = 2'd3;

    reg [1:0]          state_q;
    reg [TW-1:0]       t_q, frame_q;
    reg [LW-1:0]       lane_q;
    reg [SAW-1:0]      addr_q, addr0_q, addr1_q, addr2_q;
    reg                wait_q, valid1_q, valid2_q, reading_q;
    reg [LANES*PB-1:0] word_q;

    wire [TW-1:0] frames = t_q + EXT;
    wire last_frame = frame_q == frames;
    wire full = lane_q == L_END;
    wire load = p_valid && (full || p_end);
    wire empty_sent = state_q == EMPTY && o_ready;

    // pixels enter at the top of the word; an image's last word is moved down to lane 0
    wire [(LANES+1)*PB-1:0] shifted = {p_data, word_q};
    wire [LANES*PB-1:0] word = (p_end ? shifted >> ((LANES - LAST_LANES) * PB) : shifted) >> PB;

    wire [LANES*PB-1:0] pixels_now, old_now, pixels, old, next;
    snn_ram #(.WIDTH(LANES * PB), .DEPTH(WORDS), .AW(SAW)) u_pixels (
        .clk(clk), .we(load), .waddr(addr_q), .wdata(word), .raddr(addr_q), .rdata(pixels_now));
    snn_ram #(.WIDTH(LANES * PB), .DEPTH(WORDS), .AW(SAW)) u_state (
        .clk(clk), .we(valid2_q), .waddr(addr2_q), .wdata(next), .raddr(addr_q), .rdata(old_now));

    generate
        if (DEEP != 0) begin : g_deep
            reg [2*LANES*PB-1:0] read_q;
            always @(posedge clk) read_q <= {pixels_now, old_now};
            assign {pixels, old} = read_q;
        end else begin : g_at_once
            assign {pixels, old} = {pixels_now, old_now};
        end
    endgenerate

    genvar g;
    generate
        for (g = 0; g < LANES; g = g + 1) begin : g_lane
            wire [PB-1:0] v = frame_q == 1 ? {PB{1'b0}} : old[g*PB +: PB];
            wire [PB+1:0] sum = {1'b0, pixels[g*PB +: PB], 1'b1} + {1'b0, v, 1'b1};
            wire          fire = sum[PB+1];                             // V + p + 1 reaches 2^PB where V + p >= L
            reg  [PB:0]   sum_q;
            always @(posedge clk) sum_q <= sum[PB+1:1];
            assign next[g*PB +: PB] = sum_q[PB-1:0] - !sum_q[PB];       // V + p - L  or  V + p
            assign o_data[g] = fire;
        end
    endgenerate

    wire frame_done = valid1_q && addr1_q == W_END;

    assign allow = state_q == LOAD;
    assign o_en = valid1_q;
    assign o_commit = frame_done || empty_sent;
    assign o_meta = {t_q, state_q == EMPTY, state_q == PASS, last_frame};

    always @(posedge clk) begin
        if (rst) begin
            state_q <= LOAD;
            reading_q <= 1'b0;
            wait_q <= 1'b0;
            valid1_q <= 1'b0;
            valid2_q <= 1'b0;
            addr_q <= 0;
            lane_q <= 0;
            word_q <= 0;
        end else begin
            wait_q <= reading_q;
            valid1_q <= DEEP != 0 ? wait_q : reading_q;
            valid2_q <= valid1_q;
            if (p_valid) begin
                lane_q <= (full || p_end) ? {LW{1'b0}} : lane_q + 1'b1;
                addr_q <= p_end ? {SAW{1'b0}} : (full ? addr_q + 1'b1 : addr_q);
                word_q <= p_end ? {LANES*PB{1'b0}} : shifted >> PB;
            end
            if (reading_q) begin
                addr_q <= addr_q == W_END ? {SAW{1'b0}} : addr_q + 1'b1;
                if (addr_q == W_END) reading_q <= 1'b0;
            end
            case (state_q)
                LOAD: if (p_valid && p_end && p_timesteps != 0) state_q <= WAIT;
                WAIT: if (o_ready) begin
                    state_q <= PASS;
                    reading_q <= 1'b1;
                end
                PASS: if (frame_done) state_q <= last_frame ? LOAD : (frame_q < t_q ? WAIT : EMPTY);
                default: if (empty_sent && last_frame) state_q <= LOAD;
            endcase
        end
        if (p_valid) t_q <= p_timesteps;
        addr0_q <= addr_q;
        addr1_q <= DEEP != 0 ? addr0_q : addr_q;
        addr2_q <= addr1_q;
        if (state_q == LOAD) frame_q <= 1;
        else if (o_commit) frame_q <= frame_q + 1'b1;
    end
endmodule
`default_nettype wire
