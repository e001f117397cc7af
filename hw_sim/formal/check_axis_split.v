// snn_axis_split: the pixels that leave are those kept in the beats that came, in order, each once, tlast with the last one of
// a beat that has it; a beat is accepted with its last pixel, or at once where it has none; what is offered stays.
// Assumed: the sender keeps a beat until it is accepted.
module check_axis_split #(
    parameter DW = 32, PW = 8
) (
    input wire            clk, rst, s_valid, s_last, m_ready,
    input wire [DW-1:0]   s_data,
    input wire [DW/8-1:0] s_keep
);
    localparam SLOTS = DW / PW;

    wire          s_ready, m_valid, m_last;
    wire [PW-1:0] m_data;
    snn_axis_split #(.DW(DW), .PW(PW)) dut (
        .clk(clk), .rst(rst), .s_axis_tdata(s_data), .s_axis_tkeep(s_keep), .s_axis_tvalid(s_valid),
        .s_axis_tready(s_ready), .s_axis_tlast(s_last), .m_axis_tdata(m_data), .m_axis_tvalid(m_valid),
        .m_axis_tready(m_ready), .m_axis_tlast(m_last));

    reg          began = 1'b0, held_q, offered_q, last_q;
    reg [DW-1:0] data_q;
    reg [DW/8-1:0] keep_q;
    reg [PW-1:0] pixel_q;
    reg [3:0]    count_q;           // pixels of this beat that have left
    always @(posedge clk) begin
        began <= 1'b1;
        held_q <= !rst && s_valid && !s_ready;
        offered_q <= !rst && m_valid && !m_ready;
        {data_q, keep_q, last_q, pixel_q} <= {s_data, s_keep, s_last, m_data};
        count_q <= rst || (s_valid && s_ready) ? 0 : count_q + (m_valid && m_ready);
    end

    (* inside = "sent_q" *) wire [SLOTS-1:0] sent;      // for induction
    reg [SLOTS-1:0] gone;
    reg [3:0]    total;             // kept in this beat, and the one whose turn it is
    reg [PW-1:0] wanted;
    integer i;
    always @* begin
        total = 0;
        wanted = 0;
        gone = 0;
        for (i = 0; i < SLOTS; i = i + 1)
            if (s_keep[i*(PW/8)]) begin
                gone[i] = total < count_q;
                if (total == count_q) wanted = s_data[i*PW +: PW];
                total = total + 1'b1;
            end
        assume (began || rst);
        if (held_q) assume (s_valid && s_data == data_q && s_keep == keep_q && s_last == last_q);
        if (began) begin
            assert (m_valid == (s_valid && count_q != total) && count_q <= (s_valid ? total : 0));
            assert (sent == gone && (held_q || count_q == 0));
            if (m_valid) assert (m_data == wanted && m_last == (s_last && count_q + 1 == total));
            if (s_valid) assert (s_ready == (total == 0 || (m_ready && count_q + 1 == total)));
            if (offered_q) assert (m_valid && m_data == pixel_q);
        end
    end
endmodule
