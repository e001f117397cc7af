/* A library of the engine `native` as a program: reads what engine_run reads from a file, writes what it writes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

size_t engine_table_bytes(void);
size_t engine_panel_bytes(void);
void engine_lay(const void *tables, void *panels);
int engine_run(const void *tables, const void *panels, const void *images, size_t n, uint16_t timesteps, void *values, void *counts, int64_t *relays, int64_t *trains, uint64_t *changes);

enum { TABLES, IMAGES, VALUES, COUNTS, RELAYS, TRAINS, CHANGES, ARRAYS };

int main(int argc, char **argv)
{
    uint64_t head[2 + ARRAYS]; /* images, T, bytes of each array */
    char *arrays[ARRAYS];
    FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
    if (argc != 3 || in == NULL || out == NULL || fread(head, sizeof head, 1, in) != 1) {
        return 1;
    }
    for (int i = 0; i < ARRAYS; i++) {
        arrays[i] = aligned_alloc(64, (head[2 + i] + 255U) / 64U * 64U);
        if (fread(arrays[i], 1, head[2 + i], in) != head[2 + i]) {
            return 1;
        }
    }
    char *panels = aligned_alloc(64, (engine_panel_bytes() + 127U) / 64U * 64U);
    engine_lay(arrays[TABLES], panels);
    const int status = engine_run(arrays[TABLES], panels, arrays[IMAGES], head[0], (uint16_t)head[1], arrays[VALUES], arrays[COUNTS], (int64_t *)arrays[RELAYS], (int64_t *)arrays[TRAINS], (uint64_t *)arrays[CHANGES]);
    for (int i = VALUES; i < ARRAYS; i++) {
        fwrite(arrays[i], 1, head[2 + i], out);
    }
    return status != 0 || fclose(out) != 0;
}
