/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 8, 8-bit weights, rate input of 8 bits, network 624227e456295358. */
/* plain_weights.h: every table of the network in one const struct, which lies in flash. Included by plain.c alone. */
#ifndef PLAIN_WEIGHTS_H
#define PLAIN_WEIGHTS_H

#if defined(__AVR__) && PLAIN_CONST_BYTES > 32767U
#error "an object of AVR has at most 32767 bytes, the tables of this network have 224: export with --pack, or compile with fewer bits or smaller layers"
#endif

typedef struct {
    plain_window_t g_conv;
    plain_window_t g_dense;
    int16_t bias_conv[3]; /* bias of conv, int16_t [3] */
    int16_t v0_conv[3]; /* v0 of conv, int16_t [3] */
    int16_t theta_conv[3]; /* theta of conv, int16_t [3] */
    int16_t bias_dense[3]; /* bias of dense, int16_t [3] */
    int8_t w_dense[36]; /* weights of dense, [3][1][1][12]: output, row, column, input channel */
    int8_t w_conv[27]; /* weights of conv, [3][3][3][1]: output, row, column, input channel */
    char hash[65]; /* SHA-256 of the network */
} plain_tables_t;

/* Where the tables lie: -D'PLAIN_WEIGHTS_SECTION=__attribute__((section(".qspi")))' moves them. */
#ifndef PLAIN_WEIGHTS_SECTION
#define PLAIN_WEIGHTS_SECTION
#endif

extern PLAIN_ROM plain_tables_t plain_tables;
PLAIN_ROM plain_tables_t plain_tables PLAIN_WEIGHTS_SECTION = {
    .g_conv = { 4, 4, 1, 3, 3, 2, 2, 1, 1, 0, 0, 2, 2, 3, 1, 0, 3, 1 },
    .g_dense = { 1, 1, 12, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 3, 1, 0, 3, 0 },
    .bias_conv = {
73,-117,-339,
},
    .v0_conv = {
496,535,579,
},
    .theta_conv = {
993,1070,1159,
},
    .bias_dense = {
254,-64,106,
},
    .w_dense = {
64,-27,91,0,118,27,-64,54,-36,82,-9,109,-36,82,-9,109,18,-73,45,-45,73,-18,100,9,73,-18,100,9,127,36,-54,64,
-27,91,0,118,
},
    .w_conv = {
-27,54,-73,9,91,-36,45,127,0,0,88,-49,39,127,-10,78,-59,29,32,127,-21,74,-74,21,116,-32,64,
},
    .hash = "624227e4562953587526fcffda9d94ba2892ff399e168f86392819ca2f03cb3f"
};

#endif
