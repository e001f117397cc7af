/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 8, 8-bit weights, rate input of 8 bits, network 624227e456295358. */
/* plain.c: the network `plain`, count dynamics. Written by snncc; do not edit. */
#include "plain.h"

#include <string.h>

#ifdef PLAIN_TRACE
#define PLAIN_TRACE_SPIKES(population, neuron, n) plain_trace_spikes(population, (uint32_t)(neuron), n)
#define PLAIN_TRACE_POTENTIAL(population, neuron, v) plain_trace_potential(population, (uint32_t)(neuron), 0U, v)
#ifndef PLAIN_TRACE_COUNTS /* n neurons from `first` on, whose counts lie side by side */
#define PLAIN_TRACE_COUNTS(population, first, n, counts) \
    do { \
        for (int32_t c = 0; c < (n); c++) { \
            PLAIN_TRACE_SPIKES(population, (first) + c, (counts)[c]); \
        } \
    } while (0)
#endif
#else
#define PLAIN_TRACE_SPIKES(population, neuron, n) ((void)0)
#define PLAIN_TRACE_POTENTIAL(population, neuron, v) ((void)0)
#endif

#include "plain_kernels.h"
#include "plain_weights.h"

#define PLAIN_CHECK(name, condition) typedef char plain_check_##name[(condition) ? 1 : -1]
/* Exact where a type is aligned to its size; ABIs that align less (AVR, packed structs) leave out the padding at the end. */
PLAIN_CHECK(const_bytes, sizeof(plain_tables_t) <= PLAIN_CONST_BYTES && PLAIN_CONST_BYTES - sizeof(plain_tables_t) < 8U);
PLAIN_CHECK(state_bytes, sizeof(plain_state_t) <= PLAIN_STATE_BYTES && PLAIN_STATE_BYTES - sizeof(plain_state_t) < 8U);

/* Where buffers lie in the state. Those that are not needed at the same time share memory; the times from the first to
 * the last that needs each are in brackets. */
PLAIN_UNUSED static inline uint8_t *plain_at_c_input(plain_state_t *state) /* 16: counts of input [0, 1] */
{
    void *const at = state->memory + 11;
    return (uint8_t *)at;
}
PLAIN_UNUSED static inline uint8_t *plain_at_c_conv(plain_state_t *state) /* 12: counts of conv [1, 2] */
{
    void *const at = state->memory + 15;
    return (uint8_t *)at;
}
PLAIN_UNUSED static inline int32_t *plain_at_acc_i32(plain_state_t *state) /* 6: accumulators [0, end] */
{
    void *const at = state->memory + 0;
    return (int32_t *)at;
}
PLAIN_UNUSED static inline uint8_t *plain_at_patch_u8(plain_state_t *state) /* 18: windows in one piece [0, end] */
{
    void *const at = state->memory + 6;
    return (uint8_t *)at;
}

/* conv over the whole image. */
PLAIN_HOT_SECTION static void plain_run_conv(plain_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, plain_result_t *result)
{
#ifdef PLAIN_HOST
    PLAIN_ALIGNED int32_t acc[16];
    PLAIN_ALIGNED uint8_t patch_uint8_t[256];
    uint32_t factor[3], shift[3];
    for (int32_t c = 0; c < 3; c++) {
        plain_host_divisor(plain_tables.theta_conv[c], factor + c, shift + c);
    }
    for (int32_t p = 0; p < 4; p += 4) {
        const int32_t end = plain_least(p + 4, 4);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 3; c++) {
                acc[(at - p) * 4 + c] = plain_tables.bias_conv[c] * steps + plain_tables.v0_conv[c];
            }
        }
        plain_host_dot_u8_i8_mixed_signed_pairs(&plain_tables.g_conv, plain_at_c_input(state), p, end - p, patch_uint8_t, plain_tables.w_conv, 9, acc, 4, 4);
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            plain_host_fire(sums, factor, shift, 3, limit, plain_at_c_conv(state) + at * 3);
#ifdef PLAIN_TRACE
            PLAIN_TRACE_COUNTS(1U, at * 3, 3, plain_at_c_conv(state) + at * 3);
            for (int32_t c = 0; c < 3; c++) {
                PLAIN_TRACE_POTENTIAL(1U, at * 3 + c, sums[c]);
            }
#endif
        }
    }
#else
    int32_t *acc = plain_at_acc_i32(state);
    for (int32_t p = 0; p < 4; p += 2) {
        const int32_t next = plain_least(p + 1, 3); /* p itself where it is the last: the second row is then not read */
        for (int32_t c = 0; c < 3; c++) {
            const int32_t start = plain_tables.bias_conv[c] * steps + plain_tables.v0_conv[c];
            acc[c] = start;
            acc[3 + c] = start;
        }
        plain_dot2_u8_i8_i32_short(&plain_tables.g_conv, plain_at_c_input(state), p, next, plain_at_patch_u8(state), plain_tables.w_conv, 9, acc, 4);
        for (int32_t at = p; at <= next; at++) {
            for (int32_t c = 0; c < 3; c++) {
                const int32_t u = acc[(at - p) * 3 + c];
                const int32_t i = at * 3 + c;
                const uint32_t spikes = plain_fire_i32(u, plain_tables.theta_conv[c], limit);
                plain_at_c_conv(state)[i] = (uint8_t)spikes;
                PLAIN_TRACE_SPIKES(1U, i, spikes);
                PLAIN_TRACE_POTENTIAL(1U, i, u);
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
PLAIN_HOT_SECTION static void plain_run_dense(plain_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, plain_result_t *result)
{
#ifdef PLAIN_HOST
    PLAIN_ALIGNED int32_t acc[4];
    PLAIN_ALIGNED uint8_t patch_uint8_t[64];
    for (int32_t p = 0; p < 1; p += 1) {
        const int32_t end = plain_least(p + 1, 1);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 3; c++) {
                acc[(at - p) * 4 + c] = plain_tables.bias_dense[c] * steps;
            }
        }
        plain_host_dot_u8_i8_mixed_signed_pairs(&plain_tables.g_dense, plain_at_c_conv(state), p, end - p, patch_uint8_t, plain_tables.w_dense, 12, acc, 4, 4);
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            for (int32_t c = 0; c < 3; c++) {
                const int32_t u = sums[c];
                const int32_t i = at * 3 + c;
                result->values[i] = u;
                PLAIN_TRACE_POTENTIAL(2U, i, u);
            }
        }
    }
#else
    int32_t *acc = plain_at_acc_i32(state);
    for (int32_t p = 0; p < 1; p += 1) {
        for (int32_t c = 0; c < 3; c++) {
            const int32_t start = plain_tables.bias_dense[c] * steps;
            acc[c] = start;
        }
        plain_dot1_u8_i8_i32(&plain_tables.g_dense, plain_at_c_conv(state) + (p) * 12, plain_tables.w_dense, 12, acc, 4);
        for (int32_t at = p; at <= p; at++) {
            for (int32_t c = 0; c < 3; c++) {
                const int32_t u = acc[(at - p) * 3 + c];
                const int32_t i = at * 3 + c;
                result->values[i] = u;
                PLAIN_TRACE_POTENTIAL(2U, i, u);
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

plain_status_t plain_infer(plain_state_t *state, const plain_pixel_t *image, uint16_t timesteps, plain_result_t *result)
{
    if (state == NULL || image == NULL || result == NULL) {
        return PLAIN_ERROR_NULL;
    }
    if (timesteps == 0U || timesteps > PLAIN_T_MAX) {
        return PLAIN_ERROR_TIMESTEPS;
    }
    for (int32_t i = 0; i < PLAIN_PIXELS; i++) {
        const uint32_t spikes = (uint32_t)image[i] * (uint32_t)timesteps / 255U;
        plain_at_c_input(state)[i] = (uint8_t)spikes;
        PLAIN_TRACE_SPIKES(0U, i, spikes);
        PLAIN_TRACE_POTENTIAL(0U, i, 0);
    }
    PLAIN_REUSE();
    plain_run_conv(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    PLAIN_REUSE();
    plain_run_dense(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    uint32_t best = 0U;
    for (uint32_t i = 1U; i < PLAIN_OUTPUTS; i++) {
        if (result->values[i] > result->values[best]) {
            best = i;
        }
    }
    result->class_index = best;
    return PLAIN_OK;
}

plain_status_t plain_infer_sized(void *state, size_t state_bytes, const plain_pixel_t *image, size_t pixels, uint16_t timesteps, plain_result_t *result)
{
    if (state == NULL || image == NULL || result == NULL) {
        return PLAIN_ERROR_NULL;
    }
    if (state_bytes < sizeof(plain_state_t) || pixels != PLAIN_PIXELS || (uintptr_t)state % PLAIN_STATE_ALIGN != 0U) {
        return PLAIN_ERROR_SIZE;
    }
    return plain_infer((plain_state_t *)state, image, timesteps, result);
}

const char *plain_hash(void)
{
#ifdef __AVR__
    return "624227e4562953587526fcffda9d94ba2892ff399e168f86392819ca2f03cb3f"; /* the tables lie in flash, out of a caller's reach */
#else
    return plain_tables.hash;
#endif
}
