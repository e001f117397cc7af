/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 16, 4-bit weights, rate input of 8 bits, network 4d995fe2ee1f23f2. */
/* views.c: the network `views`, count dynamics. Written by snncc; do not edit. */
#include "views.h"

#include <string.h>

#ifdef VIEWS_TRACE
#define VIEWS_TRACE_SPIKES(population, neuron, n) views_trace_spikes(population, (uint32_t)(neuron), n)
#define VIEWS_TRACE_POTENTIAL(population, neuron, v) views_trace_potential(population, (uint32_t)(neuron), 0U, v)
#ifndef VIEWS_TRACE_COUNTS /* n neurons from `first` on, whose counts lie side by side */
#define VIEWS_TRACE_COUNTS(population, first, n, counts) \
    do { \
        for (int32_t c = 0; c < (n); c++) { \
            VIEWS_TRACE_SPIKES(population, (first) + c, (counts)[c]); \
        } \
    } while (0)
#endif
#else
#define VIEWS_TRACE_SPIKES(population, neuron, n) ((void)0)
#define VIEWS_TRACE_POTENTIAL(population, neuron, v) ((void)0)
#endif

#include "views_kernels.h"
#include "views_weights.h"

#define VIEWS_CHECK(name, condition) typedef char views_check_##name[(condition) ? 1 : -1]
/* Exact where a type is aligned to its size; ABIs that align less (AVR, packed structs) leave out the padding at the end. */
VIEWS_CHECK(const_bytes, sizeof(views_tables_t) <= VIEWS_CONST_BYTES && VIEWS_CONST_BYTES - sizeof(views_tables_t) < 8U);
VIEWS_CHECK(state_bytes, sizeof(views_state_t) <= VIEWS_STATE_BYTES && VIEWS_STATE_BYTES - sizeof(views_state_t) < 8U);

/* Where buffers lie in the state. Those that are not needed at the same time share memory; the times from the first to
 * the last that needs each are in brackets. */
VIEWS_UNUSED static inline uint8_t *views_at_c_input(views_state_t *state) /* 50: counts of input [0, 2] */
{
    void *const at = state->memory + 42;
    return (uint8_t *)at;
}
VIEWS_UNUSED static inline uint8_t *views_at_c_deep(views_state_t *state) /* 100: counts of deep [1, 3] */
{
    void *const at = state->memory + 17;
    return (uint8_t *)at;
}
VIEWS_UNUSED static inline uint8_t *views_at_c_side(views_state_t *state) /* 50: counts of side [2, 4] */
{
    void *const at = state->memory + 55;
    return (uint8_t *)at;
}
VIEWS_UNUSED static inline uint8_t *views_at_c_pool0(views_state_t *state) /* 16: counts of pool0 [3, 5] */
{
    void *const at = state->memory + 42;
    return (uint8_t *)at;
}
VIEWS_UNUSED static inline uint8_t *views_at_c_pool1(views_state_t *state) /* 8: counts of pool1 [4, 5] */
{
    void *const at = state->memory + 17;
    return (uint8_t *)at;
}
VIEWS_UNUSED static inline int32_t *views_at_acc_i32(views_state_t *state) /* 8: accumulators [0, end] */
{
    void *const at = state->memory + 9;
    return (int32_t *)at;
}
VIEWS_UNUSED static inline uint8_t *views_at_patch_u8(views_state_t *state) /* 36: windows in one piece [0, end] */
{
    void *const at = state->memory + 0;
    return (uint8_t *)at;
}

/* deep over the whole image. */
VIEWS_HOT_SECTION static void views_run_deep(views_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, views_result_t *result)
{
#ifdef VIEWS_HOST
    VIEWS_ALIGNED int32_t acc[64];
    uint32_t factor[4], shift[4];
    for (int32_t c = 0; c < 4; c++) {
        views_host_divisor(views_tables.theta_deep[c], factor + c, shift + c);
    }
    for (int32_t p = 0; p < 25; p += 16) {
        const int32_t end = views_least(p + 16, 25);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[(at - p) * 4 + c] = views_tables.bias_deep[c] * steps + views_tables.v0_deep[c];
            }
        }
        for (int32_t at = p; at < end; at++) {
            int32_t *const sums = acc + (at - p) * 4;
            views_taps_u8_i8_i32(&views_tables.g_deep, views_at_c_input(state), views_tables.w_deep, at, sums + 0, 128);
        }
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            views_host_fire(sums, factor, shift, 4, limit, views_at_c_deep(state) + at * 4);
#ifdef VIEWS_TRACE
            VIEWS_TRACE_COUNTS(1U, at * 4, 4, views_at_c_deep(state) + at * 4);
            for (int32_t c = 0; c < 4; c++) {
                VIEWS_TRACE_POTENTIAL(1U, at * 4 + c, sums[c]);
            }
#endif
        }
    }
#else
    int32_t *acc = views_at_acc_i32(state);
    for (int32_t p = 0; p < 25; p += 2) {
        const int32_t next = views_least(p + 1, 24); /* p itself where it is the last: the second row is then not read */
        for (int32_t c = 0; c < 4; c++) {
            const int32_t start = views_tables.bias_deep[c] * steps + views_tables.v0_deep[c];
            acc[c] = start;
            acc[4 + c] = start;
        }
        for (int32_t q = 0; q < 2; q++) {
            views_taps_u8_i8_i32(&views_tables.g_deep, views_at_c_input(state), views_tables.w_deep, q == 0 ? p : next, acc + q * 4 + 0, 128);
        }
        for (int32_t at = p; at <= next; at++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[(at - p) * 4 + c];
                const int32_t i = at * 4 + c;
                const uint32_t spikes = views_fire_i32(u, views_tables.theta_deep[c], limit);
                views_at_c_deep(state)[i] = (uint8_t)spikes;
                VIEWS_TRACE_SPIKES(1U, i, spikes);
                VIEWS_TRACE_POTENTIAL(1U, i, u);
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

/* side over the whole image. */
VIEWS_HOT_SECTION static void views_run_side(views_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, views_result_t *result)
{
#ifdef VIEWS_HOST
    VIEWS_ALIGNED int32_t acc[64];
    VIEWS_ALIGNED uint8_t patch_uint8_t[1024];
    uint32_t factor[2], shift[2];
    for (int32_t c = 0; c < 2; c++) {
        views_host_divisor(views_tables.theta_side[c], factor + c, shift + c);
    }
    for (int32_t p = 0; p < 25; p += 16) {
        const int32_t end = views_least(p + 16, 25);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 2; c++) {
                acc[(at - p) * 4 + c] = views_tables.bias_side[c] * steps + views_tables.v0_side[c];
            }
        }
        views_host_dot_u8_i8_mixed_signed_pairs(&views_tables.g_side, views_at_c_input(state), p, end - p, patch_uint8_t, views_tables.w_side, 18, acc, 4, 32);
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            views_host_fire(sums, factor, shift, 2, limit, views_at_c_side(state) + at * 2);
#ifdef VIEWS_TRACE
            VIEWS_TRACE_COUNTS(2U, at * 2, 2, views_at_c_side(state) + at * 2);
            for (int32_t c = 0; c < 2; c++) {
                VIEWS_TRACE_POTENTIAL(2U, at * 2 + c, sums[c]);
            }
#endif
        }
    }
#else
    int32_t *acc = views_at_acc_i32(state);
    for (int32_t p = 0; p < 25; p += 2) {
        const int32_t next = views_least(p + 1, 24); /* p itself where it is the last: the second row is then not read */
        for (int32_t c = 0; c < 2; c++) {
            const int32_t start = views_tables.bias_side[c] * steps + views_tables.v0_side[c];
            acc[c] = start;
            acc[2 + c] = start;
        }
        views_dot2_u8_i8_i32_short(&views_tables.g_side, views_at_c_input(state), p, next, views_at_patch_u8(state), views_tables.w_side, 18, acc, 32);
        for (int32_t at = p; at <= next; at++) {
            for (int32_t c = 0; c < 2; c++) {
                const int32_t u = acc[(at - p) * 2 + c];
                const int32_t i = at * 2 + c;
                const uint32_t spikes = views_fire_i32(u, views_tables.theta_side[c], limit);
                views_at_c_side(state)[i] = (uint8_t)spikes;
                VIEWS_TRACE_SPIKES(2U, i, spikes);
                VIEWS_TRACE_POTENTIAL(2U, i, u);
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
VIEWS_HOT_SECTION static void views_run_dense(views_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, views_result_t *result)
{
    views_max_pool_u8(&views_tables.g_pool0, &views_tables.g_pool0_frame, views_at_c_deep(state), views_at_c_pool0(state));
    views_max_pool_u8(&views_tables.g_pool1, &views_tables.g_pool1_frame, views_at_c_side(state), views_at_c_pool1(state));
#ifdef VIEWS_HOST
    VIEWS_ALIGNED int32_t acc[4];
    VIEWS_ALIGNED uint8_t patch_uint8_t[64];
    for (int32_t p = 0; p < 1; p += 1) {
        const int32_t end = views_least(p + 1, 1);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 2; c++) {
                acc[(at - p) * 4 + c] = views_tables.bias_dense[c] * steps;
            }
        }
        views_host_dot_u8_i8_mixed_signed_pairs(&views_tables.g_dense_0, views_at_c_pool0(state), p, end - p, patch_uint8_t, views_tables.w_dense_0, 16, acc, 4, 32);
        views_host_dot_u8_i8_mixed_signed_pairs(&views_tables.g_dense_1, views_at_c_pool1(state), p, end - p, patch_uint8_t, views_tables.w_dense_1, 8, acc, 4, 32);
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            for (int32_t c = 0; c < 2; c++) {
                const int32_t u = sums[c];
                const int32_t i = at * 2 + c;
                result->values[i] = u;
                VIEWS_TRACE_POTENTIAL(3U, i, u);
            }
        }
    }
#else
    int32_t *acc = views_at_acc_i32(state);
    for (int32_t p = 0; p < 1; p += 1) {
        for (int32_t c = 0; c < 2; c++) {
            const int32_t start = views_tables.bias_dense[c] * steps;
            acc[c] = start;
        }
        views_dot1_u8_i8_i32(&views_tables.g_dense_0, views_at_c_pool0(state) + (p) * 16, views_tables.w_dense_0, 16, acc, 32);
        views_dot1_u8_i8_i32(&views_tables.g_dense_1, views_at_c_pool1(state) + (p) * 8, views_tables.w_dense_1, 8, acc, 32);
        for (int32_t at = p; at <= p; at++) {
            for (int32_t c = 0; c < 2; c++) {
                const int32_t u = acc[(at - p) * 2 + c];
                const int32_t i = at * 2 + c;
                result->values[i] = u;
                VIEWS_TRACE_POTENTIAL(3U, i, u);
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

views_status_t views_infer(views_state_t *state, const views_pixel_t *image, uint16_t timesteps, views_result_t *result)
{
    if (state == NULL || image == NULL || result == NULL) {
        return VIEWS_ERROR_NULL;
    }
    if (timesteps == 0U || timesteps > VIEWS_T_MAX) {
        return VIEWS_ERROR_TIMESTEPS;
    }
    for (int32_t i = 0; i < VIEWS_PIXELS; i++) {
        const uint32_t spikes = (uint32_t)image[i] * (uint32_t)timesteps / 255U;
        views_at_c_input(state)[i] = (uint8_t)spikes;
        VIEWS_TRACE_SPIKES(0U, i, spikes);
        VIEWS_TRACE_POTENTIAL(0U, i, 0);
    }
    VIEWS_REUSE();
    views_run_deep(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    VIEWS_REUSE();
    views_run_side(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    VIEWS_REUSE();
    views_run_dense(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    uint32_t best = 0U;
    for (uint32_t i = 1U; i < VIEWS_OUTPUTS; i++) {
        if (result->values[i] > result->values[best]) {
            best = i;
        }
    }
    result->class_index = best;
    return VIEWS_OK;
}

views_status_t views_infer_sized(void *state, size_t state_bytes, const views_pixel_t *image, size_t pixels, uint16_t timesteps, views_result_t *result)
{
    if (state == NULL || image == NULL || result == NULL) {
        return VIEWS_ERROR_NULL;
    }
    if (state_bytes < sizeof(views_state_t) || pixels != VIEWS_PIXELS || (uintptr_t)state % VIEWS_STATE_ALIGN != 0U) {
        return VIEWS_ERROR_SIZE;
    }
    return views_infer((views_state_t *)state, image, timesteps, result);
}

const char *views_hash(void)
{
#ifdef __AVR__
    return "4d995fe2ee1f23f286bc8585d466c73cc4125f80205c8bd00a697e2134eb3665"; /* the tables lie in flash, out of a caller's reach */
#else
    return views_tables.hash;
#endif
}
