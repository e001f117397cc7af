// Simulation only: stops with a status other than 0 unless FILE is there and holds exactly DEPTH hexadecimal words.
// $readmemh alone warns at most, and a simulator without undefined bits goes on with zeros. GOLDEN: a file that the
// bench does without when it writes logs (+log). With SYNTHESIS defined this file is empty.
`ifndef SYNTHESIS
`default_nettype none
module snn_words #(
    parameter FILE = "words.mem",
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter GOLDEN = 0
);
    reg [WIDTH-1:0] word;
    integer file, words, undefined;

    initial
        if (GOLDEN == 0 || !$test$plusargs("log")) begin
            file = $fopen(FILE, "r");
            if (file == 0) $fatal(1, "%0s: missing", FILE);
            words = 0;
            undefined = 0;
            while ($fscanf(file, "%h", word) == 1) begin
                words = words + 1;
                if (^word === 1'bx) undefined = undefined + 1;
            end
            if (words != DEPTH || undefined != 0)
                $fatal(1, "%0s: short or damaged: %0d words instead of %0d", FILE, words - undefined, DEPTH);
            $fclose(file);
        end
endmodule
`default_nettype wire
`endif
