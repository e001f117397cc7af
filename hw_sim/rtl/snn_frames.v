// AXI4-Stream input of sequences: T frames of PIXELS pixels each, tlast with the last pixel of the last one. T and `keep`
// are sampled with the first pixel. `keep`: the next sequence goes on where this one ends; sequences that go on have at
// most T_MAX frames together, since the proof of no overflow reaches so far.
// A wrong sequence sets a sticky bit of `error` ([0]: early or missing tlast, [1]: T of 0 or more than there may be; cleared
// by error_clear or rst) and ends with the frame in which that is known, filled up with zeros; its last pixel says T = 0,
// by which the readout knows that it must drop it. The beat after it is the first pixel of a new one.
`default_nettype none
module snn_frames #(
    parameter PIXELS = 16,
    parameter NW = 4,           // width of a pixel's number
    parameter PB = 8,           // bits of a pixel
    parameter DW = 8,           // width of tdata
    parameter TW = 4,
    parameter T_MAX = 8
) (
    input  wire          clk,
    input  wire          rst,
    input  wire [DW-1:0] s_axis_tdata,
    input  wire          s_axis_tvalid,
    output wire          s_axis_tready,
    input  wire          s_axis_tlast,
    input  wire [15:0]   timesteps,
    input  wire          keep,
    input  wire          error_clear,
    output wire [1:0]    error,
    input  wire          allow,
    output wire          p_valid,
    output wire [PB-1:0] p_data,
    output wire [TW-1:0] p_timesteps,
    output wire          p_end,         // a frame's last pixel, ...
    output wire          p_last,        // ... of a sequence's last frame, ...
    output wire          p_keep         // ... with which the next one goes on
);
    localparam [NW-1:0] P_END = PIXELS - 1;
    localparam [15:0] LONGEST = T_MAX;

    reg [NW-1:0] count_q;
    reg [TW-1:0] t_q, frame_q, before_q;    // T, this frame's number, frames of the sequences that go on in this one
    reg          fill_q, keep_q;
    reg [1:0]    error_q;

    wire first = count_q == 0 && frame_q == 1;
    wire complete = count_q == P_END;
    wire [15:0] room = LONGEST - {{(16-TW){1'b0}}, before_q};
    wire bad_t = timesteps == 0 || timesteps > room;
    wire [TW-1:0] t = first ? (bad_t ? {TW{1'b0}} : timesteps[TW-1:0]) : t_q;
    wire last = frame_q == t || t == 0;
    wire bad_last = !fill_q && (complete && last) != s_axis_tlast;

    assign s_axis_tready = allow && !fill_q;
    assign p_valid = allow && (fill_q || s_axis_tvalid);
    assign p_data = s_axis_tdata[PB-1:0] & {PB{!fill_q}};
    assign p_timesteps = bad_last ? {TW{1'b0}} : t;
    assign p_end = complete;
    assign p_last = frame_q == t || p_timesteps == 0;
    assign p_keep = (first ? keep : keep_q) && p_timesteps != 0;
    assign error = error_q;

    always @(posedge clk)
        if (rst) begin
            count_q <= 0;
            frame_q <= 1;
            before_q <= 0;
            fill_q <= 1'b0;
            error_q <= 2'b00;
        end else begin
            if (error_clear) error_q <= 2'b00;
            if (p_valid) begin
                count_q <= complete ? {NW{1'b0}} : count_q + 1'b1;
                fill_q <= !complete && (fill_q || s_axis_tlast);
                t_q <= p_timesteps;
                keep_q <= p_keep;
                if (complete) frame_q <= p_last ? 1 : frame_q + 1'b1;
                if (complete && p_last) before_q <= p_keep ? before_q + t : {TW{1'b0}};
                if (bad_last) error_q[0] <= 1'b1;
                if (first && bad_t) error_q[1] <= 1'b1;
            end
        end
endmodule
`default_nettype wire
