/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: step, T <= 6, 5-bit weights, current input of 8 bits, network 93473aa79bf26a2b. */
/* residual_weights.h: every table of the network in one const struct, which lies in flash. Included by residual.c alone. */
#ifndef RESIDUAL_WEIGHTS_H
#define RESIDUAL_WEIGHTS_H

#if defined(__AVR__) && RESIDUAL_CONST_BYTES > 32767U
#error "an object of AVR has at most 32767 bytes, the tables of this network have 798: export with --pack, or compile with fewer bits or smaller layers"
#endif

typedef struct {
    residual_window_t g_first;
    residual_window_t g_joined_0;
    residual_window_t g_joined_1;
    residual_window_t g_again_0;
    residual_window_t g_again_1;
    residual_window_t g_pool;
    residual_window_t g_dense;
    int16_t bias_first[4]; /* bias of first, int16_t [4] */
    int16_t theta_first[4]; /* theta of first, int16_t [4] */
    int16_t v0_first[4]; /* v0 of first, int16_t [4] */
    int8_t w_first[72]; /* weights of first, [4][3][3][2]: output, row, column, input channel */
    int8_t bias_joined[4]; /* bias of joined, int8_t [4] */
    int8_t w_joined_0[144]; /* weights of joined_0, [4][3][3][4]: input channel, row, column, output */
    int8_t w_joined_1[16]; /* weights of joined_1, [4][1][1][4]: input channel, row, column, output */
    int8_t bias_again[4]; /* bias of again, int8_t [4] */
    int8_t w_again_0[144]; /* weights of again_0, [4][3][3][4]: input channel, row, column mirrored, output */
    int8_t w_again_1[4]; /* weights of again_1, [4][1][1][1]: input channel, row, column, output */
    int8_t bias_dense[4]; /* bias of dense, int8_t [4] */
    int8_t w_dense[64]; /* weights of dense, [16][4]: input, output */
    char hash[65]; /* SHA-256 of the network */
} residual_tables_t;

/* Where the tables lie: -D'RESIDUAL_WEIGHTS_SECTION=__attribute__((section(".qspi")))' moves them. */
#ifndef RESIDUAL_WEIGHTS_SECTION
#define RESIDUAL_WEIGHTS_SECTION
#endif

extern RESIDUAL_ROM residual_tables_t residual_tables;
RESIDUAL_ROM residual_tables_t residual_tables RESIDUAL_WEIGHTS_SECTION = {
    .g_first = { 6, 6, 2, 3, 3, 1, 1, 1, 1, 1, 1, 6, 6, 4, 1, 0, 4, 1 },
    .g_joined_0 = { 6, 6, 4, 3, 3, 2, 2, 1, 1, 0, 0, 3, 3, 4, 4, 0, 4, 1 },
    .g_joined_1 = { 6, 6, 4, 1, 1, 2, 2, 1, 1, 0, 0, 3, 3, 4, 4, 0, 4, 1 },
    .g_again_0 = { 3, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1, 3, 3, 4, 1, 0, 4, 1 },
    .g_again_1 = { 3, 3, 4, 1, 1, 1, 1, 1, 1, 0, 0, 3, 3, 4, 1, 0, 4, 0 },
    .g_pool = { 3, 3, 4, 2, 2, 1, 1, 1, 1, 0, 0, 2, 2, 4, 1, 0, 4, 1 },
    .g_dense = { 1, 1, 16, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 4, 1, 0, 4, 0 },
    .bias_first = {
546,-820,-2782,2732,
},
    .theta_first = {
17537,17537,22320,17537,
},
    .v0_first = {
8768,8768,11160,8768,
},
    .w_first = {
-3,10,-2,11,-1,12,0,13,1,14,2,15,3,-9,4,-8,5,-6,0,13,1,14,2,15,3,-9,4,-8,5,-6,6,-5,
8,-4,9,-3,4,-11,5,-10,7,-8,8,-7,10,-5,11,-4,12,-3,14,-1,15,0,6,-5,8,-4,9,-3,10,-2,11,-1,
12,0,13,1,14,2,15,3,
},
    .bias_joined = {
24,4,34,15,
},
    .w_joined_0 = {
8,-4,9,-3,-9,4,-8,5,0,13,1,14,9,-3,10,-2,-8,5,-6,6,1,14,2,15,10,-2,11,-1,-6,6,-5,8,
2,15,3,-9,10,-2,11,-1,-6,6,-5,8,2,15,3,-9,11,-1,12,0,-5,8,-4,9,3,-9,4,-8,12,0,13,1,
-4,9,-3,10,4,-8,5,-6,12,0,13,1,-4,9,-3,10,4,-8,5,-6,13,1,14,2,-3,10,-2,11,5,-6,6,-5,
14,2,15,3,-2,11,-1,12,6,-5,8,-4,14,2,15,3,-2,11,-1,12,6,-5,8,-4,15,3,-9,4,-1,12,0,13,
8,-4,9,-3,-9,4,-8,5,0,13,1,14,9,-3,10,-2,
},
    .w_joined_1 = {
-6,0,6,13,-5,1,8,14,-4,2,9,15,-3,3,10,-9,
},
    .bias_again = {
4,-1,5,0,
},
    .w_again_0 = {
7,-8,0,8,-6,2,9,-5,4,11,-3,5,0,8,-7,1,9,-5,3,10,-3,5,12,-2,-7,1,8,-6,3,10,-4,4,
12,-2,6,13,-7,1,8,-6,3,10,-4,4,12,-2,6,13,8,-6,2,9,-4,4,11,-3,6,13,-1,7,2,9,-5,3,
11,-3,5,12,-1,7,-8,0,2,9,-5,3,11,-3,5,12,-1,7,-8,0,-5,3,10,-4,5,12,-2,6,-8,0,8,-7,
10,-4,4,11,-2,6,13,-1,8,-7,1,8,10,-4,4,11,-2,6,13,-1,8,-7,1,8,4,11,-3,5,13,-1,7,-8,
1,8,-6,2,-3,5,12,-2,7,-8,0,8,-6,2,9,-5,
},
    .w_again_1 = {
15,15,15,15,
},
    .bias_dense = {
-1,0,0,1,
},
    .w_dense = {
15,10,4,-1,-6,13,8,2,-3,-9,11,5,0,-5,14,9,3,-2,-8,12,6,1,-4,15,10,4,-1,-6,13,8,2,-3,
-9,11,5,0,-5,14,9,3,-2,-8,12,6,1,-4,15,10,4,-1,-6,13,8,2,-3,-9,11,5,0,-5,14,9,3,-2,
},
    .hash = "93473aa79bf26a2bb53fa34c45d68da9053598d949e5fa5071c568112994ef34"
};

#endif
