// AXI4 read master for weights: reads each edge's, one edge after the other and round again, ahead of their use as far as
// the edges have room. An edge's weights begin at a multiple of 4096 bytes and are read in bursts of BURST beats, the last
// one shorter, so that no burst crosses such a multiple. A burst is asked for when its edge has room for BURST beats, so
// that rready is always high.
// error: a response other than OKAY, or rlast not with a burst's last beat; sticky until error_clear or rst.
// rst drops what is under way in the network; the bus's own transfers go on until their last beat, and are dropped, before
// the first edge's weights are asked for again. bus_rst is the reset of the bus.
`default_nettype none
module snn_reader #(
    parameter EDGES = 1,
    parameter DW = 64,                      // bits of a beat
    parameter BURST = 64,                   // beats, at most 64; BURST * DW / 8 divides 4096
    parameter [32*EDGES-1:0] BEATS = 64     // of each edge
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             bus_rst,
    input  wire             enable,
    input  wire [63:0]      base,           // a multiple of 4096
    input  wire             error_clear,
    output wire             error,
    // the edges
    input  wire [EDGES-1:0] room,
    output wire [EDGES-1:0] asked,          // a burst for this edge, ...
    output wire [6:0]       asked_beats,    // ... of so many beats
    output wire [EDGES-1:0] en,
    output wire [DW-1:0]    data,
    // the bus
    output wire             m_axi_arid,
    output wire [63:0]      m_axi_araddr,
    output wire [7:0]       m_axi_arlen,
    output wire [2:0]       m_axi_arsize,
    output wire [1:0]       m_axi_arburst,
    output wire [3:0]       m_axi_arcache,
    output wire [2:0]       m_axi_arprot,
    output wire             m_axi_arvalid,
    input  wire             m_axi_arready,
    input  wire             m_axi_rid,
    input  wire [DW-1:0]    m_axi_rdata,
    input  wire [1:0]       m_axi_rresp,
    input  wire             m_axi_rlast,
    input  wire             m_axi_rvalid,
    output wire             m_axi_rready
);
    localparam BW = $clog2(BURST);
    localparam [2:0] SIZE = $clog2(DW / 8);     // bytes of a beat, as a power of two
    localparam [31:0] FULL = BURST;

    // ---- asking
    reg [EDGES-1:0] to_q;
    reg [31:0]      left_q, next_beats;     // beats of this edge that have not been asked for, of the next one
    reg [31:0]      offset_q;               // bytes from base
    reg [31:0]      under_way_q;            // beats
    reg             drain_q, arvalid_q;
    reg [63:0]      araddr_q;
    reg [7:0]       arlen_q;
    integer         e;

    always @* begin
        next_beats = BEATS[31:0];
        for (e = 0; e < EDGES - 1; e = e + 1)
            if (to_q[e]) next_beats = BEATS[32*(e+1) +: 32];
    end
    wire edge_end = left_q <= FULL;
    wire [31:0] beats = edge_end ? left_q : FULL;
    wire [31:0] last = beats - 1'b1;
    wire ask = enable && !drain_q && (!arvalid_q || m_axi_arready) && |(room & to_q);
    wire beat = m_axi_rvalid;

    assign asked = {EDGES{ask}} & to_q;
    assign asked_beats = beats[6:0];
    assign m_axi_arid = 1'b0;
    assign m_axi_araddr = araddr_q;
    assign m_axi_arlen = arlen_q;
    assign m_axi_arsize = SIZE;
    assign m_axi_arburst = 2'b01;           // INCR
    assign m_axi_arcache = 4'b0011;         // normal, not cached, may be buffered
    assign m_axi_arprot = 3'b000;
    assign m_axi_arvalid = arvalid_q;
    assign m_axi_rready = 1'b1;

    always @(posedge clk) begin
        if (ask) begin
            araddr_q <= base + {32'd0, offset_q};
            arlen_q <= last[7:0];
        end
        if (bus_rst || rst) begin
            to_q <= 1;
            left_q <= BEATS[31:0];
            offset_q <= 0;
        end else if (ask) begin
            left_q <= edge_end ? next_beats : left_q - FULL;
            offset_q <= !edge_end ? offset_q + (FULL << SIZE)
                : to_q[EDGES-1] ? 32'd0 : {offset_q[31:12] + 1'b1, 12'd0};
            if (edge_end && EDGES > 1) to_q <= (to_q << 1) | {{(EDGES-1){1'b0}}, to_q[EDGES-1]};
        end
        if (bus_rst) begin
            arvalid_q <= 1'b0;
            drain_q <= 1'b0;
            under_way_q <= 0;
        end else begin
            if (ask) arvalid_q <= 1'b1;
            else if (m_axi_arready) arvalid_q <= 1'b0;
            drain_q <= (rst || drain_q) && under_way_q != 0;
            under_way_q <= under_way_q + (ask ? beats : 32'd0) - {31'd0, beat};
        end
    end

    // ---- receiving
    wire [EDGES-1:0] to;
    wire [31:0]      number;
    wire             deal_last, deal_whole;
    wire             take = beat && !drain_q;
    reg [EDGES-1:0]  en_q;
    reg [DW-1:0]     data_q;
    reg              error_q;
    wire             burst_last = &number[BW-1:0] || deal_last;

    snn_deal #(.EDGES(EDGES), .BEATS(BEATS)) u_deal (
        .clk(clk), .rst(rst || bus_rst), .en(take), .to(to), .number(number), .last(deal_last), .whole(deal_whole));

    assign en = en_q;
    assign data = data_q;
    assign error = error_q;
    always @(posedge clk) begin
        data_q <= m_axi_rdata;
        if (rst || bus_rst) begin
            en_q <= 0;
            error_q <= 1'b0;
        end else begin
            en_q <= to & {EDGES{take}};
            if (take && (m_axi_rresp != 2'b00 || m_axi_rlast != burst_last)) error_q <= 1'b1;
            else if (error_clear) error_q <= 1'b0;
        end
    end
endmodule
`default_nettype wire
