/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 16, 4-bit weights, rate input of 8 bits, network 4d995fe2ee1f23f2. */
/* views_weights.h: every table of the network in one const struct, which lies in flash. Included by views.c alone. */
#ifndef VIEWS_WEIGHTS_H
#define VIEWS_WEIGHTS_H

#if defined(__AVR__) && VIEWS_CONST_BYTES > 32767U
#error "an object of AVR has at most 32767 bytes, the tables of this network have 512: export with --pack, or compile with fewer bits or smaller layers"
#endif

typedef struct {
    views_window_t g_deep;
    views_window_t g_side;
    views_window_t g_pool0;
    views_window_t g_pool0_frame;
    views_window_t g_pool1;
    views_window_t g_pool1_frame;
    views_window_t g_dense_0;
    views_window_t g_dense_1;
    int16_t bias_deep[4]; /* bias of deep, int16_t [4] */
    int16_t v0_deep[4]; /* v0 of deep, int16_t [4] */
    int16_t theta_deep[4]; /* theta of deep, int16_t [4] */
    int16_t bias_side[2]; /* bias of side, int16_t [2] */
    int16_t v0_side[2]; /* v0 of side, int16_t [2] */
    int16_t theta_side[2]; /* theta of side, int16_t [2] */
    int8_t w_deep[36]; /* weights of deep, [3][3][4]: row, column, output channel */
    int8_t w_side[36]; /* weights of side, [2][3][3][2]: output, row, column, input channel */
    int8_t w_dense_0[32]; /* weights of dense_0, [2][1][1][16]: output, row, column, input channel */
    int8_t w_dense_1[16]; /* weights of dense_1, [2][1][1][8]: output, row, column, input channel */
    int8_t bias_dense[2]; /* bias of dense, int8_t [2] */
    char hash[65]; /* SHA-256 of the network */
} views_tables_t;

/* Where the tables lie: -D'VIEWS_WEIGHTS_SECTION=__attribute__((section(".qspi")))' moves them. */
#ifndef VIEWS_WEIGHTS_SECTION
#define VIEWS_WEIGHTS_SECTION
#endif

extern VIEWS_ROM views_tables_t views_tables;
VIEWS_ROM views_tables_t views_tables VIEWS_WEIGHTS_SECTION = {
    .g_deep = { 5, 5, 2, 3, 3, 1, 1, 2, 2, 2, 2, 5, 5, 4, 2, 0, 4, 1 },
    .g_side = { 5, 5, 2, 3, 3, 1, 1, 1, 1, 1, 1, 5, 5, 2, 1, 0, 2, 1 },
    .g_pool0 = { 5, 5, 4, 3, 3, 3, 3, 1, 1, 1, 0, 2, 2, 4, 1, 0, 4, 1 },
    .g_pool0_frame = { 5, 6, 4, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 4, 1 },
    .g_pool1 = { 5, 5, 2, 3, 3, 3, 3, 1, 1, 1, 0, 2, 2, 2, 1, 0, 2, 1 },
    .g_pool1_frame = { 5, 6, 2, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 2, 1 },
    .g_dense_0 = { 1, 1, 16, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 2, 1, 0, 2, 0 },
    .g_dense_1 = { 1, 1, 8, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 2, 1, 0, 2, 0 },
    .bias_deep = {
149,-192,-896,896,
},
    .v0_deep = {
896,768,306,1075,
},
    .theta_deep = {
1792,1536,612,2150,
},
    .bias_side = {
192,-52,
},
    .v0_side = {
456,459,
},
    .theta_side = {
912,918,
},
    .w_deep = {
-2,0,3,4,5,6,-7,-4,-1,0,4,5,6,6,-6,-3,-1,1,4,6,6,7,-5,-2,0,2,5,6,7,-4,-4,-1,
1,2,6,7,
},
    .w_side = {
4,4,4,5,6,6,6,7,-4,-4,-3,-2,-2,-2,-1,0,0,0,-2,-2,-1,-1,0,1,1,2,2,3,3,4,4,5,
5,6,6,7,
},
    .w_dense_0 = {
-1,1,0,2,-1,2,0,2,0,3,0,3,1,-2,0,-2,0,3,0,3,1,-2,0,-2,1,-1,0,-1,2,0,1,0,
},
    .w_dense_1 = {
-2,4,-1,6,1,7,3,-3,1,7,3,-3,4,-2,6,0,
},
    .bias_dense = {
-5,24,
},
    .hash = "4d995fe2ee1f23f286bc8585d466c73cc4125f80205c8bd00a697e2134eb3665"
};

#endif
