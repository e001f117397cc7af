// Two exported networks, a and b, in one design: each gets its own golden images and must send its own golden results.
`timescale 1ns / 1ps
`default_nettype none
module feeder #(
    parameter IW = 8, OW = 32, SENT = 16, BEATS = 4, IMAGES = 4, NAME = "a"
) (
    input  wire          clk, rst, in_ready, out_valid,
    input  wire [OW-1:0] out_data,
    output wire [IW-1:0] in_data,
    output wire [15:0]   steps,
    output wire          in_valid, in_last,
    output reg           right, done
);
    reg [IW-1:0] pixels [0:IMAGES*SENT-1];
    reg [15:0]   times [0:IMAGES-1];
    reg [OW-1:0] results [0:IMAGES*BEATS-1];
    integer sent, received;
    initial begin
        $readmemh({NAME, "_golden_pixels.mem"}, pixels);
        $readmemh({NAME, "_golden_timesteps.mem"}, times);
        $readmemh({NAME, "_golden_results.mem"}, results);
        {sent, received, done} = 0;
        right = 1'b1;
    end
    assign in_data = pixels[sent];
    assign steps = times[sent / SENT];
    assign in_valid = !rst && sent < IMAGES * SENT;
    assign in_last = sent % SENT == SENT - 1;
    always @(posedge clk) begin
        if (in_valid && in_ready) sent <= sent + 1;
        if (out_valid) begin
            received <= received + 1;
            if (out_data !== results[received]) right <= 1'b0;
            done <= received + 1 == IMAGES * BEATS;
        end
    end
endmodule

module both;
    reg clk = 1'b0, rst = 1'b1;
    always #5 clk = ~clk;
    wire [1:0] right, done;

`define NETWORK(TOP, LETTER, I, IN, OUT, WORDS, VALUES) \
    wire [IN-1:0] LETTER``_in; wire [OUT-1:0] LETTER``_out; wire [15:0] LETTER``_steps; \
    wire LETTER``_valid, LETTER``_ready, LETTER``_last, LETTER``_out_valid; \
    feeder #(.IW(IN), .OW(OUT), .SENT(WORDS), .BEATS(VALUES + 1), .NAME(`"LETTER`")) u_``LETTER ( \
        .clk(clk), .rst(rst), .in_ready(LETTER``_ready), .out_valid(LETTER``_out_valid), .out_data(LETTER``_out), \
        .in_data(LETTER``_in), .steps(LETTER``_steps), .in_valid(LETTER``_valid), .in_last(LETTER``_last), \
        .right(right[I]), .done(done[I])); \
    TOP u_net_``LETTER ( \
        .clk(clk), .rst(rst), .s_axis_tdata(LETTER``_in), .s_axis_tvalid(LETTER``_valid), \
        .s_axis_tready(LETTER``_ready), .s_axis_tlast(LETTER``_last), .timesteps(LETTER``_steps), \
        .m_axis_tdata(LETTER``_out), .m_axis_tvalid(LETTER``_out_valid), .m_axis_tready(1'b1), .m_axis_tlast(), \
        .error_clear(1'b0), .error());
    `NETWORK(a_top, a, 0, 8, 32, `A_PIXELS, `A_VALUES)
    `NETWORK(b_top, b, 1, 8, 32, `B_PIXELS, `B_VALUES)

    integer cycle = 0;
    always @(posedge clk) begin
        rst <= 1'b0;
        cycle <= cycle + 1;
        if (&done && &right) $display("BOTH RIGHT");
        if (&done || cycle > 100000) $finish;
    end
endmodule
`default_nettype wire
