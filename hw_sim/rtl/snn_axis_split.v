// AXI4-Stream: beats of DW bits to pixels of PW bits, one a cycle, lowest bytes first. Of a pixel the lowest byte's tkeep
// counts; a pixel that is not kept is left out and takes no cycle, a beat without one takes a single cycle and brings
// nothing, not even its tlast. A beat is accepted with its last pixel, so that nothing is stored: the pixels of one that
// is there at once are as early as they would be one a beat.
`default_nettype none
module snn_axis_split #(
    parameter DW = 32,
    parameter PW = 8
) (
    input  wire            clk,
    input  wire            rst,
    input  wire [DW-1:0]   s_axis_tdata,
    input  wire [DW/8-1:0] s_axis_tkeep,
    input  wire            s_axis_tvalid,
    output wire            s_axis_tready,
    input  wire            s_axis_tlast,
    output wire [PW-1:0]   m_axis_tdata,
    output wire            m_axis_tvalid,
    input  wire            m_axis_tready,
    output wire            m_axis_tlast
);
    localparam SLOTS = DW / PW;

    reg  [SLOTS-1:0] sent_q;        // pixels of this beat that are gone
    reg  [SLOTS-1:0] kept;
    reg  [PW-1:0]    pixel;
    wire [SLOTS-1:0] left = kept & ~sent_q;
    wire [SLOTS-1:0] rest = left & (left - 1'b1);
    integer i;
    always @* begin
        pixel = s_axis_tdata[0 +: PW];
        for (i = SLOTS - 1; i >= 0; i = i - 1) begin
            kept[i] = s_axis_tkeep[i*(PW/8)];
            if (left[i]) pixel = s_axis_tdata[i*PW +: PW];
        end
    end

    assign m_axis_tdata = pixel;
    assign m_axis_tvalid = s_axis_tvalid && left != 0;
    assign m_axis_tlast = s_axis_tlast && rest == 0;
    assign s_axis_tready = left == 0 || (m_axis_tready && rest == 0);

    always @(posedge clk)
        if (rst) sent_q <= 0;
        else if (s_axis_tvalid && s_axis_tready) sent_q <= 0;
        else if (m_axis_tvalid && m_axis_tready) sent_q <= kept & ~rest;
endmodule
`default_nettype wire
