// AXI4-Stream input: counts an image's pixels, samples T with the first one and checks tlast and T.
// A wrong image is dropped whole: p_abort instead of p_end on its last beat, and a sticky bit of `error`
// ([0]: early or missing tlast, [1]: T of 0 or above T_MAX) that error_clear or rst clears. The beat after it is
// the first pixel of a new image, so after a late tlast the surplus beats are dropped as a short image of their own.
`default_nettype none
module snn_pixels #(
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
    input  wire          error_clear,
    output wire [1:0]    error,
    input  wire          allow,
    output wire          p_valid,
    output wire [PB-1:0] p_data,
    output wire [TW-1:0] p_timesteps,
    output wire          p_end,
    output wire          p_abort
);
    localparam [NW-1:0] P_END = PIXELS - 1;
    localparam [15:0] LONGEST = T_MAX;

    reg [NW-1:0] count_q;
    reg [TW-1:0] t_q;
    reg          bad_q;
    reg [1:0]    error_q;

    wire first = count_q == 0;
    wire complete = count_q == P_END;
    wire over = complete || s_axis_tlast;
    wire bad_t = first ? (timesteps == 0 || timesteps > LONGEST) : bad_q;
    wire bad_last = complete != s_axis_tlast;

    assign s_axis_tready = allow;
    assign p_valid = s_axis_tvalid && allow;
    assign p_data = s_axis_tdata[PB-1:0];
    assign p_timesteps = first ? timesteps[TW-1:0] : t_q;
    assign p_end = p_valid && over && !bad_last && !bad_t;
    assign p_abort = p_valid && over && (bad_last || bad_t);
    assign error = error_q;

    always @(posedge clk)
        if (rst) begin
            count_q <= 0;
            bad_q <= 1'b0;
            error_q <= 2'b00;
        end else begin
            if (error_clear) error_q <= 2'b00;
            if (p_valid) begin
                count_q <= over ? {NW{1'b0}} : count_q + 1'b1;
                bad_q <= bad_t;
                t_q <= p_timesteps;
                if (over && bad_last) error_q[0] <= 1'b1;
                if (over && bad_t) error_q[1] <= 1'b1;
            end
        end
endmodule
`default_nettype wire
