/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 6, 5-bit weights, current input of 8 bits, network 883ce0a705447098. */
/* residual.c: the network `residual`, count dynamics. Written by snncc; do not edit. */
#include "residual.h"

#include <string.h>

#ifdef RESIDUAL_TRACE
#define RESIDUAL_TRACE_SPIKES(population, neuron, n) residual_trace_spikes(population, (uint32_t)(neuron), n)
#define RESIDUAL_TRACE_POTENTIAL(population, neuron, v) residual_trace_potential(population, (uint32_t)(neuron), 0U, v)
#ifndef RESIDUAL_TRACE_COUNTS /* n neurons from `first` on, whose counts lie side by side */
#define RESIDUAL_TRACE_COUNTS(population, first, n, counts) \
    do { \
        for (int32_t c = 0; c < (n); c++) { \
            RESIDUAL_TRACE_SPIKES(population, (first) + c, (counts)[c]); \
        } \
    } while (0)
#endif
#else
#define RESIDUAL_TRACE_SPIKES(population, neuron, n) ((void)0)
#define RESIDUAL_TRACE_POTENTIAL(population, neuron, v) ((void)0)
#endif

#include "residual_kernels.h"
#include "residual_weights.h"

#define RESIDUAL_CHECK(name, condition) typedef char residual_check_##name[(condition) ? 1 : -1]
/* Exact where a type is aligned to its size; ABIs that align less (AVR, packed structs) leave out the padding at the end. */
RESIDUAL_CHECK(const_bytes, sizeof(residual_tables_t) <= RESIDUAL_CONST_BYTES && RESIDUAL_CONST_BYTES - sizeof(residual_tables_t) < 8U);
RESIDUAL_CHECK(state_bytes, sizeof(residual_state_t) <= RESIDUAL_STATE_BYTES && RESIDUAL_STATE_BYTES - sizeof(residual_state_t) < 8U);

/* Where buffers lie in the state. Those that are not needed at the same time share memory; the times from the first to
 * the last that needs each are in brackets. */
RESIDUAL_UNUSED static inline uint8_t *residual_at_c_first(residual_state_t *state) /* 144: counts of first [1, 2] */
{
    void *const at = state->memory + 0;
    return (uint8_t *)at;
}
RESIDUAL_UNUSED static inline uint8_t *residual_at_c_joined(residual_state_t *state) /* 36: counts of joined [2, 3] */
{
    void *const at = state->memory + 54;
    return (uint8_t *)at;
}
RESIDUAL_UNUSED static inline uint8_t *residual_at_c_again(residual_state_t *state) /* 36: counts of again [3, 4] */
{
    void *const at = state->memory + 0;
    return (uint8_t *)at;
}
RESIDUAL_UNUSED static inline uint8_t *residual_at_c_pool(residual_state_t *state) /* 16: counts of pool [4, 5] */
{
    void *const at = state->memory + 9;
    return (uint8_t *)at;
}
RESIDUAL_UNUSED static inline uint8_t *residual_at_c_dense(residual_state_t *state) /* 4: counts of dense [5, 6] */
{
    void *const at = state->memory + 0;
    return (uint8_t *)at;
}
RESIDUAL_UNUSED static inline int32_t *residual_at_acc_i32(residual_state_t *state) /* 8: accumulators [0, end] */
{
    void *const at = state->memory + 63;
    return (int32_t *)at;
}
RESIDUAL_UNUSED static inline uint8_t *residual_at_patch_u8(residual_state_t *state) /* 72: windows in one piece [0, end] */
{
    void *const at = state->memory + 36;
    return (uint8_t *)at;
}

/* first over the whole image. */
RESIDUAL_HOT_SECTION static void residual_run_first(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
#ifdef RESIDUAL_HOST
    RESIDUAL_ALIGNED int32_t acc[64];
    RESIDUAL_ALIGNED uint8_t patch_uint8_t[1024];
    uint32_t factor[4], shift[4];
    for (int32_t c = 0; c < 4; c++) {
        residual_host_divisor(residual_tables.theta_first[c], factor + c, shift + c);
    }
    for (int32_t p = 0; p < 36; p += 16) {
        const int32_t end = residual_least(p + 16, 36);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[(at - p) * 4 + c] = residual_tables.bias_first[c] * steps + residual_tables.v0_first[c];
            }
        }
        residual_host_dot_u8_i8_mixed_pairs(&residual_tables.g_first, image, p, end - p, patch_uint8_t, residual_tables.w_first, 18, acc, 4, steps);
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            residual_host_fire(sums, factor, shift, 4, limit + 2U, residual_at_c_first(state) + at * 4);
#ifdef RESIDUAL_TRACE
            RESIDUAL_TRACE_COUNTS(1U, at * 4, 4, residual_at_c_first(state) + at * 4);
            for (int32_t c = 0; c < 4; c++) {
                RESIDUAL_TRACE_POTENTIAL(1U, at * 4 + c, sums[c]);
            }
#endif
        }
    }
#else
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 36; p += 2) {
        const int32_t next = residual_least(p + 1, 35); /* p itself where it is the last: the second row is then not read */
        for (int32_t c = 0; c < 4; c++) {
            const int32_t start = residual_tables.bias_first[c] * steps + residual_tables.v0_first[c];
            acc[c] = start;
            acc[4 + c] = start;
        }
        residual_dot2_u8_i8_i32_short(&residual_tables.g_first, image, p, next, residual_at_patch_u8(state), residual_tables.w_first, 18, acc, steps);
        for (int32_t at = p; at <= next; at++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[(at - p) * 4 + c];
                const int32_t i = at * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, residual_tables.theta_first[c], limit + 2U);
                residual_at_c_first(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(1U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(1U, i, u);
            }
        }
    }
#endif
    (void)state;
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

/* joined over the whole image. */
RESIDUAL_HOT_SECTION static void residual_run_joined(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
#ifdef RESIDUAL_HOST
    RESIDUAL_ALIGNED int32_t acc[32];
    RESIDUAL_ALIGNED uint8_t patch_uint8_t[512];
    uint32_t factor[4], shift[4];
    for (int32_t c = 0; c < 4; c++) {
        residual_host_divisor(542, factor + c, shift + c);
    }
    for (int32_t p = 0; p < 9; p += 8) {
        const int32_t end = residual_least(p + 8, 9);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[(at - p) * 4 + c] = residual_tables.bias_joined[c] * steps + 271;
            }
        }
        residual_host_dot_u8_i8_mixed_signed_pairs(&residual_tables.g_joined_0, residual_at_c_first(state), p, end - p, patch_uint8_t, residual_tables.w_joined_0, 36, acc, 4, 8);
        residual_host_dot_u8_i8_mixed_signed_pairs(&residual_tables.g_joined_1, residual_at_c_first(state), p, end - p, patch_uint8_t, residual_tables.w_joined_1, 4, acc, 4, 8);
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            residual_host_fire(sums, factor, shift, 4, limit + 2U, residual_at_c_joined(state) + at * 4);
#ifdef RESIDUAL_TRACE
            RESIDUAL_TRACE_COUNTS(2U, at * 4, 4, residual_at_c_joined(state) + at * 4);
            for (int32_t c = 0; c < 4; c++) {
                RESIDUAL_TRACE_POTENTIAL(2U, at * 4 + c, sums[c]);
            }
#endif
        }
    }
#else
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 9; p += 2) {
        const int32_t next = residual_least(p + 1, 8); /* p itself where it is the last: the second row is then not read */
        for (int32_t c = 0; c < 4; c++) {
            const int32_t start = residual_tables.bias_joined[c] * steps + 271;
            acc[c] = start;
            acc[4 + c] = start;
        }
        residual_dot2_u8_i8_i32_short(&residual_tables.g_joined_0, residual_at_c_first(state), p, next, residual_at_patch_u8(state), residual_tables.w_joined_0, 36, acc, 8);
        residual_dot2_u8_i8_i32_short(&residual_tables.g_joined_1, residual_at_c_first(state), p, next, residual_at_patch_u8(state), residual_tables.w_joined_1, 4, acc, 8);
        for (int32_t at = p; at <= next; at++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[(at - p) * 4 + c];
                const int32_t i = at * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, 542, limit + 2U);
                residual_at_c_joined(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(2U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(2U, i, u);
            }
        }
    }
#endif
    (void)state;
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

/* again over the whole image. */
RESIDUAL_HOT_SECTION static void residual_run_again(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
#ifdef RESIDUAL_HOST
    RESIDUAL_ALIGNED int32_t acc[32];
    RESIDUAL_ALIGNED uint8_t patch_uint8_t[512];
    uint32_t factor[4], shift[4];
    for (int32_t c = 0; c < 4; c++) {
        residual_host_divisor(640, factor + c, shift + c);
    }
    for (int32_t p = 0; p < 9; p += 8) {
        const int32_t end = residual_least(p + 8, 9);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[(at - p) * 4 + c] = residual_tables.bias_again[c] * steps + 320;
            }
        }
        residual_host_dot_u8_i8_mixed_signed_pairs(&residual_tables.g_again_0, residual_at_c_joined(state), p, end - p, patch_uint8_t, residual_tables.w_again_0, 36, acc, 4, 8);
        for (int32_t at = p; at < end; at++) {
            int32_t *const sums = acc + (at - p) * 4;
            residual_taps_u8_i8_i32(&residual_tables.g_again_1, residual_at_c_joined(state), residual_tables.w_again_1, at, sums + 0, 8);
        }
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            residual_host_fire(sums, factor, shift, 4, limit + 2U, residual_at_c_again(state) + at * 4);
#ifdef RESIDUAL_TRACE
            RESIDUAL_TRACE_COUNTS(3U, at * 4, 4, residual_at_c_again(state) + at * 4);
            for (int32_t c = 0; c < 4; c++) {
                RESIDUAL_TRACE_POTENTIAL(3U, at * 4 + c, sums[c]);
            }
#endif
        }
    }
#else
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 9; p += 2) {
        const int32_t next = residual_least(p + 1, 8); /* p itself where it is the last: the second row is then not read */
        for (int32_t c = 0; c < 4; c++) {
            const int32_t start = residual_tables.bias_again[c] * steps + 320;
            acc[c] = start;
            acc[4 + c] = start;
        }
        residual_dot2_u8_i8_i32_short(&residual_tables.g_again_0, residual_at_c_joined(state), p, next, residual_at_patch_u8(state), residual_tables.w_again_0, 36, acc, 8);
        for (int32_t q = 0; q < 2; q++) {
            residual_taps_u8_i8_i32(&residual_tables.g_again_1, residual_at_c_joined(state), residual_tables.w_again_1, q == 0 ? p : next, acc + q * 4 + 0, 8);
        }
        for (int32_t at = p; at <= next; at++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[(at - p) * 4 + c];
                const int32_t i = at * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, 640, limit + 2U);
                residual_at_c_again(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(3U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(3U, i, u);
            }
        }
    }
#endif
    (void)state;
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

/* pool over the whole image. */
RESIDUAL_HOT_SECTION static void residual_run_pool(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
#ifdef RESIDUAL_HOST
    RESIDUAL_ALIGNED int32_t acc[16];
    uint32_t factor[4], shift[4];
    for (int32_t c = 0; c < 4; c++) {
        residual_host_divisor(867, factor + c, shift + c);
    }
    for (int32_t p = 0; p < 4; p += 4) {
        const int32_t end = residual_least(p + 4, 4);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[(at - p) * 4 + c] = 433;
            }
        }
        for (int32_t at = p; at < end; at++) {
            int32_t *const sums = acc + (at - p) * 4;
            residual_pool_u8_i32(&residual_tables.g_pool, residual_at_c_again(state), at, sums + 0, 256);
        }
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            residual_host_fire(sums, factor, shift, 4, limit + 2U, residual_at_c_pool(state) + at * 4);
#ifdef RESIDUAL_TRACE
            RESIDUAL_TRACE_COUNTS(4U, at * 4, 4, residual_at_c_pool(state) + at * 4);
            for (int32_t c = 0; c < 4; c++) {
                RESIDUAL_TRACE_POTENTIAL(4U, at * 4 + c, sums[c]);
            }
#endif
        }
    }
#else
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 4; p += 2) {
        const int32_t next = residual_least(p + 1, 3); /* p itself where it is the last: the second row is then not read */
        for (int32_t c = 0; c < 4; c++) {
            const int32_t start = 433;
            acc[c] = start;
            acc[4 + c] = start;
        }
        for (int32_t q = 0; q < 2; q++) {
            residual_pool_u8_i32(&residual_tables.g_pool, residual_at_c_again(state), q == 0 ? p : next, acc + q * 4 + 0, 256);
        }
        for (int32_t at = p; at <= next; at++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[(at - p) * 4 + c];
                const int32_t i = at * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, 867, limit + 2U);
                residual_at_c_pool(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(4U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(4U, i, u);
            }
        }
    }
#endif
    (void)state;
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

/* dense over the whole image. */
RESIDUAL_HOT_SECTION static void residual_run_dense(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
#ifdef RESIDUAL_HOST
    RESIDUAL_ALIGNED int32_t acc[4];
    RESIDUAL_ALIGNED uint8_t patch_uint8_t[64];
    uint32_t factor[4], shift[4];
    for (int32_t c = 0; c < 4; c++) {
        residual_host_divisor(870, factor + c, shift + c);
    }
    for (int32_t p = 0; p < 1; p += 1) {
        const int32_t end = residual_least(p + 1, 1);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[(at - p) * 4 + c] = residual_tables.bias_dense[c] * steps + 435;
            }
        }
        residual_host_dot_u8_i8_mixed_signed_pairs(&residual_tables.g_dense, residual_at_c_pool(state), p, end - p, patch_uint8_t, residual_tables.w_dense, 16, acc, 4, 16);
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            residual_host_fire(sums, factor, shift, 4, limit + 2U, residual_at_c_dense(state) + at * 4);
#ifdef RESIDUAL_TRACE
            RESIDUAL_TRACE_COUNTS(5U, at * 4, 4, residual_at_c_dense(state) + at * 4);
            for (int32_t c = 0; c < 4; c++) {
                RESIDUAL_TRACE_POTENTIAL(5U, at * 4 + c, sums[c]);
            }
#endif
        }
    }
#else
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 1; p += 1) {
        for (int32_t c = 0; c < 4; c++) {
            const int32_t start = residual_tables.bias_dense[c] * steps + 435;
            acc[c] = start;
        }
        residual_dot1_u8_i8_i32(&residual_tables.g_dense, residual_at_c_pool(state) + (p) * 16, residual_tables.w_dense, 16, acc, 16);
        for (int32_t at = p; at <= p; at++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[(at - p) * 4 + c];
                const int32_t i = at * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, 870, limit + 2U);
                residual_at_c_dense(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(5U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(5U, i, u);
            }
        }
    }
#endif
    (void)state;
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

residual_status_t residual_infer(residual_state_t *state, const residual_pixel_t *image, uint16_t timesteps, residual_result_t *result)
{
    if (state == NULL || image == NULL || result == NULL) {
        return RESIDUAL_ERROR_NULL;
    }
    if (timesteps == 0U || timesteps > RESIDUAL_T_MAX) {
        return RESIDUAL_ERROR_TIMESTEPS;
    }
    RESIDUAL_REUSE();
    residual_run_first(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    RESIDUAL_REUSE();
    residual_run_joined(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    RESIDUAL_REUSE();
    residual_run_again(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    RESIDUAL_REUSE();
    residual_run_pool(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    RESIDUAL_REUSE();
    residual_run_dense(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    for (int32_t i = 0; i < RESIDUAL_OUTPUTS; i++) {
        result->values[i] = (residual_value_t)residual_at_c_dense(state)[i];
    }
    uint32_t best = 0U;
    for (uint32_t i = 1U; i < RESIDUAL_OUTPUTS; i++) {
        if (result->values[i] > result->values[best]) {
            best = i;
        }
    }
    result->class_index = best;
    return RESIDUAL_OK;
}

residual_status_t residual_infer_sized(void *state, size_t state_bytes, const residual_pixel_t *image, size_t pixels, uint16_t timesteps, residual_result_t *result)
{
    if (state == NULL || image == NULL || result == NULL) {
        return RESIDUAL_ERROR_NULL;
    }
    if (state_bytes < sizeof(residual_state_t) || pixels != RESIDUAL_PIXELS || (uintptr_t)state % RESIDUAL_STATE_ALIGN != 0U) {
        return RESIDUAL_ERROR_SIZE;
    }
    return residual_infer((residual_state_t *)state, image, timesteps, result);
}

const char *residual_hash(void)
{
#ifdef __AVR__
    return "883ce0a70544709865d88d434bce05f43966042e83456fff213f8a27d2141bee"; /* the tables lie in flash, out of a caller's reach */
#else
    return residual_tables.hash;
#endif
}
