// AXI4-Lite registers of a network: T, errors, interrupts, cycles, where its weights are, its hash (docs/reference/registers.md has the map).
// One transfer of each kind at a time, a read answers in the next cycle; an address that is no register gets SLVERR.
`default_nettype none
module snn_axil #(
    parameter [255:0] HASH = 0,
    parameter T_MAX = 8,
    parameter PIXELS = 16,
    parameter VALUES = 4
) (
    input  wire        clk,
    input  wire        rst,
    input  wire [6:0]  s_axi_awaddr,
    input  wire        s_axi_awvalid,
    output wire        s_axi_awready,
    input  wire [31:0] s_axi_wdata,
    input  wire [3:0]  s_axi_wstrb,
    input  wire        s_axi_wvalid,
    output wire        s_axi_wready,
    output wire [1:0]  s_axi_bresp,
    output wire        s_axi_bvalid,
    input  wire        s_axi_bready,
    input  wire [6:0]  s_axi_araddr,
    input  wire        s_axi_arvalid,
    output wire        s_axi_arready,
    output wire [31:0] s_axi_rdata,
    output wire [1:0]  s_axi_rresp,
    output wire        s_axi_rvalid,
    input  wire        s_axi_rready,
    output wire        irq,
    // the network
    output wire        net_rst,
    output wire [15:0] timesteps,
    output wire        keep,
    input  wire [2:0]  error,
    output wire        error_clear,
    input  wire        weights_loaded,
    output wire [63:0] weights_base,
    output wire        weights_enable,
    input  wire        in_beat,         // a beat of an image is accepted, ...
    input  wire        in_last,         // ... with tlast
    input  wire        out_wait,        // a result beat is offered and not taken
    input  wire        out_end          // a result's last beat is taken
);
    localparam [4:0] ID = 5'h00, CONTROL = 5'h01, TIMESTEPS = 5'h02, STATUS = 5'h03, ERROR = 5'h04, IRQ_ENABLE = 5'h05,
        IRQ_STATUS = 5'h06, IMAGES = 5'h07, CYCLES = 5'h08, BEGUN = 5'h09, ENDED = 5'h0A, LONGEST = 5'h0B,
        PIXEL_COUNT = 5'h0C, VALUE_COUNT = 5'h0D, WEIGHTS = 5'h0E, WEIGHTS_HIGH = 5'h0F, HASH0 = 5'h10, HASH_END = 5'h17,
        WEIGHTS_READ = 5'h18, KEEP = 5'h19;
    localparam [15:0] T_RESET = T_MAX;
    localparam [31:0] T_MAX_WORD = T_MAX, PIXELS_WORD = PIXELS, VALUES_WORD = VALUES;
    localparam [1:0] OKAY = 2'b00, SLVERR = 2'b10;

    reg         bvalid_q, rvalid_q, reset_q, receiving_q, keep_q;
    reg [1:0]   bresp_q, rresp_q, enable_q, happened_q;
    reg [2:0]   error_q;
    reg [15:0]  timesteps_q;
    reg         weights_read_q;
    reg [63:0]  weights_q;
    reg [31:0]  rdata_q, images_q, cycles_q, begun_q, ended_q;

    wire write = s_axi_awvalid && s_axi_wvalid && !bvalid_q;
    wire read = s_axi_arvalid && !rvalid_q;
    wire [4:0] at = s_axi_awaddr[6:2];
    wire [2:0] low = s_axi_wdata[2:0] & {3{write && s_axi_wstrb[0]}};    // the bits that most registers have
    wire known_write = at <= KEEP;

    assign s_axi_awready = write;
    assign s_axi_wready = write;
    assign s_axi_bresp = bresp_q;
    assign s_axi_bvalid = bvalid_q;
    assign s_axi_arready = !rvalid_q;
    assign s_axi_rdata = rdata_q;
    assign s_axi_rresp = rresp_q;
    assign s_axi_rvalid = rvalid_q;
    assign irq = |(happened_q & enable_q);
    assign net_rst = rst || reset_q;
    assign timesteps = timesteps_q;
    assign keep = keep_q;
    assign error_clear = |error;        // taken over by ERROR
    assign weights_base = weights_q;
    assign weights_enable = weights_read_q;

    reg [31:0] word;
    reg        known;
    integer    i;
    wire [4:0] from = s_axi_araddr[6:2];
    always @* begin
        known = 1'b1;
        case (from)
            ID: word = 32'h534E4E31;
            CONTROL: word = 0;
            TIMESTEPS: word = {16'd0, timesteps_q};
            STATUS: word = {29'd0, weights_loaded, out_wait, receiving_q};
            ERROR: word = {29'd0, error_q};
            IRQ_ENABLE: word = {30'd0, enable_q};
            IRQ_STATUS: word = {30'd0, happened_q};
            IMAGES: word = images_q;
            CYCLES: word = cycles_q;
            BEGUN: word = begun_q;
            ENDED: word = ended_q;
            LONGEST: word = T_MAX_WORD;
            PIXEL_COUNT: word = PIXELS_WORD;
            VALUE_COUNT: word = VALUES_WORD;
            WEIGHTS: word = weights_q[31:0];
            WEIGHTS_HIGH: word = weights_q[63:32];
            WEIGHTS_READ: word = {31'd0, weights_read_q};
            KEEP: word = {31'd0, keep_q};
            default: begin
                known = from >= HASH0 && from <= HASH_END;
                word = known ? HASH[{~from[2:0], 5'd0} +: 32] : 0;
            end
        endcase
    end

    always @(posedge clk)
        if (rst) begin
            {bvalid_q, rvalid_q, reset_q, receiving_q, keep_q} <= 5'd0;
            {error_q, enable_q, happened_q} <= 7'd0;
            {weights_read_q, weights_q} <= 65'd0;
            timesteps_q <= T_RESET;
            {images_q, cycles_q, begun_q, ended_q} <= 128'd0;
        end else begin
            if (write) begin
                bvalid_q <= 1'b1;
                bresp_q <= known_write ? OKAY : SLVERR;
                if (at == IRQ_ENABLE && s_axi_wstrb[0]) enable_q <= low[1:0];
                if (at == KEEP && s_axi_wstrb[0]) keep_q <= low[0];
                if (at == WEIGHTS_READ && s_axi_wstrb[0]) weights_read_q <= low[0];
                for (i = 0; i < 4; i = i + 1)
                    if (s_axi_wstrb[i]) begin
                        if (at == WEIGHTS) weights_q[8*i +: 8] <= s_axi_wdata[8*i +: 8];
                        if (at == WEIGHTS_HIGH) weights_q[32 + 8*i +: 8] <= s_axi_wdata[8*i +: 8];
                    end
                if (at == TIMESTEPS && s_axi_wstrb[0]) timesteps_q[7:0] <= s_axi_wdata[7:0];
                if (at == TIMESTEPS && s_axi_wstrb[1]) timesteps_q[15:8] <= s_axi_wdata[15:8];
            end else if (s_axi_bready) bvalid_q <= 1'b0;
            if (read) begin
                rvalid_q <= 1'b1;
                rdata_q <= word;
                rresp_q <= known ? OKAY : SLVERR;
            end else if (s_axi_rready) rvalid_q <= 1'b0;
            reset_q <= at == CONTROL && low[0];
            cycles_q <= cycles_q + 1'b1;
            error_q <= (error_q & ~(at == ERROR ? low : 3'b000)) | error;
            happened_q <= (happened_q & ~(at == IRQ_STATUS ? low[1:0] : 2'b00)) | {|error, out_end};
            if (reset_q) receiving_q <= 1'b0;
            else if (in_beat) receiving_q <= !in_last;
            if (in_beat && !receiving_q) begun_q <= cycles_q;
            if (out_end) ended_q <= cycles_q;
            images_q <= reset_q ? 32'd0 : images_q + out_end;
        end
endmodule
`default_nettype wire
