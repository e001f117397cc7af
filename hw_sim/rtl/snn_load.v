// The weights as a stream, into the memories of the edges one after the other: BEATS[0] beats for edge 0, then those of
// edge 1, ...; tlast with the last one of all. `loaded` from then on, until the next file begins; a file takes a beat in
// every cycle. error: tlast early or missing; sticky until error_clear or rst. Such a file is dropped to its tlast.
`default_nettype none
module snn_load #(
    parameter EDGES = 1,
    parameter DW = 64,
    parameter [32*EDGES-1:0] BEATS = 16
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [DW-1:0]    s_axis_tdata,
    input  wire             s_axis_tvalid,
    output wire             s_axis_tready,
    input  wire             s_axis_tlast,
    input  wire             error_clear,
    output wire             error,
    output wire             loaded,
    output wire             restart,    // the edges begin at their first word
    output wire [EDGES-1:0] en,
    output wire [DW-1:0]    data
);
    wire [EDGES-1:0] to;
    wire [31:0]      number;
    wire             last, whole;
    reg              loaded_q, error_q, surplus_q, restart_q;
    reg [EDGES-1:0]  en_q;
    reg [DW-1:0]     data_q;

    wire ends = s_axis_tvalid && s_axis_tlast;
    wire wrong = s_axis_tvalid && !surplus_q && s_axis_tlast != whole;

    snn_deal #(.EDGES(EDGES), .BEATS(BEATS)) u_deal (
        .clk(clk), .rst(rst || ends), .en(s_axis_tvalid && !surplus_q), .to(to), .number(number), .last(last), .whole(whole));

    assign s_axis_tready = 1'b1;
    assign loaded = loaded_q;
    assign error = error_q;
    assign restart = restart_q;
    assign en = en_q;
    assign data = data_q;
    always @(posedge clk) begin
        data_q <= s_axis_tdata;
        restart_q <= rst || ends;
        if (rst) begin
            {loaded_q, error_q, surplus_q} <= 3'b000;
            en_q <= 0;
        end else begin
            en_q <= to & {EDGES{s_axis_tvalid && !surplus_q}};
            if (s_axis_tvalid) begin
                loaded_q <= ends && whole && !surplus_q;
                surplus_q <= !s_axis_tlast && (surplus_q || whole);
            end
            if (wrong) error_q <= 1'b1;
            else if (error_clear) error_q <= 1'b0;
        end
    end
endmodule
`default_nettype wire
