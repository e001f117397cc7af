// Find-first-one scanner: reads the words of one band in ascending order and offers every non-zero element (EVERY: the
// zeros too) as an event (d0, d1, d2, value), lowest lane first. A word holds LANES elements of CW bits along d2; the
// words of a frame are those of a D0 x D1 x BLOCKS map, and BANDS bands in a row are a frame. A word without events costs
// one cycle, an event at least one.
// It follows the writer through a ring of DEPTH words: a word is loaded only after it has been written, that is when
// its address is not w_addr, the next one to be written, or the whole band is there. `ready`: so is the next word.
// `load`: the word at rdata is taken.
`default_nettype none
module snn_scan #(
    parameter LANES = 4,
    parameter CW = 1,
    parameter D0 = 1,
    parameter D1 = 1,
    parameter BLOCKS = 4,
    parameter BANDS = 1,
    parameter D0W = 1,
    parameter D1W = 1,
    parameter D2W = 4,
    parameter DEPTH = 24,
    parameter AW = 5,
    parameter EVERY = 0
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                start,
    input  wire [AW-1:0]       w_addr,
    input  wire                whole,
    output wire                ready,
    output wire                busy,
    output wire                load,
    output wire [AW-1:0]       raddr,
    input  wire [LANES*CW-1:0] rdata,
    output wire                ev_valid,
    input  wire                ev_ready,
    output wire [D0W-1:0]      ev_d0,
    output wire [D1W-1:0]      ev_d1,
    output wire [D2W-1:0]      ev_d2,
    output wire [CW-1:0]       ev_value
);
    reg                busy_q, first_q, last_q, read_q;
    reg [AW-1:0]       ptr_q;
    reg [LANES-1:0]    rem_q;
    reg [LANES*CW-1:0] cur_q;
    reg [D0W-1:0]      d0_q;
    reg [D1W-1:0]      d1_q;
    reg [D2W-1:0]      d2_q;

    // more than one element is left: two of four neighbours, or one of these and one of those
    localparam FOURS = (LANES + 3) / 4;
    wire [4*FOURS-1:0] left = rem_q;
    reg                several, any;
    reg [3:0]          four;
    integer            n;
    always @* begin
        {several, any} = 2'b00;
        for (n = 0; n < FOURS; n = n + 1) begin
            four = left[4*n +: 4];
            several = several || (four[0] && four[3:1] != 0) || (four[1] && four[3:2] != 0) || (four[2] && four[3])
                || (any && four != 0);
            any = any || four != 0;
        end
    end

    wire [LANES-1:0] rest = rem_q & (rem_q - 1'b1);
    wire accept = ev_valid && ev_ready;
    wire drained = !several && (ev_ready || rem_q == 0);
    assign load = busy_q && drained && !last_q && read_q;

    localparam [AW-1:0] A_END = DEPTH - 1;
    wire [AW-1:0] next_ptr = ptr_q == A_END ? {AW{1'b0}} : ptr_q + 1'b1;

    reg [LANES-1:0] nonzero;
    reg [D2W-1:0]   lane;
    reg [CW-1:0]    value;
    integer i;
    always @* begin
        lane = 0;
        value = cur_q[0 +: CW];
        for (i = LANES - 1; i >= 0; i = i - 1) begin
            nonzero[i] = EVERY != 0 || |rdata[i*CW +: CW];
            if (rem_q[i]) begin
                lane = i[D2W-1:0];
                value = cur_q[i*CW +: CW];
            end
        end
    end

    assign busy = busy_q;
    assign ready = whole || ptr_q != w_addr;
    assign raddr = load ? next_ptr : ptr_q;
    assign ev_valid = rem_q != 0;
    assign ev_d0 = d0_q;
    assign ev_d1 = d1_q;
    assign ev_d2 = d2_q + lane;
    assign ev_value = value;

    // position of the word that is loaded next, relative to the current one
    localparam [D0W-1:0] D0_END = D0 - 1;
    localparam [D1W-1:0] D1_END = D1 - 1;
    localparam [D2W-1:0] D2_END = (BLOCKS - 1) * LANES;
    localparam [D2W:0] STEP = LANES;
    wire end2 = first_q || d2_q == D2_END;
    wire end1 = end2 && (first_q || d1_q == D1_END);
    wire [D2W-1:0] d2_next = end2 ? {D2W{1'b0}} : d2_q + STEP[D2W-1:0];
    wire [D1W-1:0] d1_next = end1 ? {D1W{1'b0}} : (end2 ? d1_q + 1'b1 : d1_q);
    wire [D0W-1:0] d0_next = first_q ? {D0W{1'b0}} : (end1 ? d0_q + 1'b1 : d0_q);
    wire frame_end = d2_next == D2_END && d1_next == D1_END && d0_next == D0_END;
    wire band_end;
    generate
        if (BANDS > 1) begin : g_bands
            localparam WORDS = D0 * D1 * BLOCKS / BANDS;
            localparam WW = (WORDS > 1) ? $clog2(WORDS) : 1;
            localparam [WW-1:0] W_END = WORDS - 1;
            reg [WW-1:0] word_q;
            always @(posedge clk)
                if (start) word_q <= 0;
                else if (load) word_q <= word_q + 1'b1;
            assign band_end = word_q == W_END;
        end else begin : g_frame
            assign band_end = frame_end;
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            busy_q <= 1'b0;
            rem_q <= 0;
            ptr_q <= 0;
            first_q <= 1'b1;
        end else begin                              // at `start` nothing is left and nothing is loaded
            if (start) busy_q <= 1'b1;
            else if (busy_q && drained && last_q) busy_q <= 1'b0;
            if (accept) rem_q <= rest;
            if (load) begin
                rem_q <= nonzero;
                ptr_q <= next_ptr;
                first_q <= frame_end;
            end
        end
        read_q <= load ? whole || next_ptr != w_addr : ready;       // rdata is a word that had been written
        if (start) last_q <= 1'b0;
        else if (load) last_q <= band_end;
        if (load) begin
            cur_q <= rdata;
            d0_q <= d0_next;
            d1_q <= d1_next;
            d2_q <= d2_next;
        end
    end
endmodule
`default_nettype wire
