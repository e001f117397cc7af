// AXI4-Stream input: counts an image's pixels, samples T with the first one and checks tlast and T.
// Every image goes on with PIXELS pixels, since its readers start before it is complete. A wrong one sets a sticky bit
// of `error` ([0]: early or missing tlast, [1]: T of 0 or above T_MAX; cleared by error_clear or rst), is filled up
// with zeros after an early tlast, and says T = 0 with its last pixel, by which the readout knows that it must drop it.
// The beat after a wrong image is the first pixel of a new one: after a late tlast the surplus beats are a short image.
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
    output wire          p_end
);
    localparam [NW-1:0] P_END = PIXELS - 1;
    localparam [15:0] LONGEST = T_MAX;

    reg [NW-1:0] count_q;
    reg          first_q, last_q;       // count_q is 0; is P_END
    reg [TW-1:0] t_q;
    reg          fill_q;
    reg [1:0]    error_q;

    wire first = first_q;
    wire complete = last_q;
    wire [NW-1:0] next = complete ? {NW{1'b0}} : count_q + 1'b1;
    wire bad_t = timesteps == 0 || timesteps > LONGEST;
    wire bad_last = !fill_q && complete != s_axis_tlast;
    wire [TW-1:0] t = first ? (bad_t ? {TW{1'b0}} : timesteps[TW-1:0]) : t_q;

    assign s_axis_tready = allow && !fill_q;
    assign p_valid = allow && (fill_q || s_axis_tvalid);
    assign p_data = s_axis_tdata[PB-1:0] & {PB{!fill_q}};
    assign p_timesteps = bad_last ? {TW{1'b0}} : t;
    assign p_end = complete;
    assign error = error_q;

    always @(posedge clk)
        if (rst) begin
            count_q <= 0;
            first_q <= 1'b1;
            last_q <= PIXELS == 1;
            fill_q <= 1'b0;
            error_q <= 2'b00;
        end else begin
            if (error_clear) error_q <= 2'b00;
            if (p_valid) begin
                count_q <= next;
                first_q <= complete;
                last_q <= next == P_END;
                fill_q <= !complete && (fill_q || s_axis_tlast);
                t_q <= p_timesteps;
                if (bad_last) error_q[0] <= 1'b1;
                if (first && bad_t) error_q[1] <= 1'b1;
            end
        end
endmodule
`default_nettype wire
