/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: step, T <= 8, 8-bit weights, rate input of 8 bits, network 4d59b2955ae66301. */
/* plain.c: the network `plain`, step dynamics. Written by snncc; do not edit. */
#include "plain.h"

#include <string.h>

#ifdef PLAIN_TRACE
#define PLAIN_TRACE_SPIKES(population, neuron, n) plain_trace_spikes(population, (uint32_t)(neuron), n)
#define PLAIN_TRACE_POTENTIAL(population, neuron, v) plain_trace_potential(population, (uint32_t)(neuron), 0U, v)
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

/* Where buffers lie in the state. Those that are not needed at the same time share memory; the stages from the first to
 * the last that needs each are in brackets. */
PLAIN_UNUSED static inline uint8_t *plain_at_c_conv(plain_state_t *state) /* 12: spikes of conv so far [0, 0] */
{
    void *const at = state->memory + 10;
    return (uint8_t *)at;
}
PLAIN_UNUSED static inline int16_t *plain_at_v_conv(plain_state_t *state) /* 12: potentials of conv [0, 0] */
{
    void *const at = state->memory + 0;
    return (int16_t *)at;
}
PLAIN_UNUSED static inline uint8_t *plain_at_v_input(plain_state_t *state) /* 16: potentials of the input [0, 0] */
{
    void *const at = state->memory + 6;
    return (uint8_t *)at;
}
PLAIN_UNUSED static inline int32_t *plain_at_acc_i32(plain_state_t *state) /* 3: accumulators [0, end] */
{
    void *const at = state->memory + 13;
    return (int32_t *)at;
}

/* A spike of input. */
PLAIN_HOT_SECTION static void plain_spike_input(plain_state_t *state, int32_t p, int32_t c)
{
    const int32_t i = p * 1 + c;
    plain_spread_tap_i8_i16(&plain_tables.g_conv, plain_tables.w_conv, plain_at_v_conv(state), p, c, 0, 4);
    PLAIN_TRACE_SPIKES(0U, i, 1U);
    (void)p;
    (void)c;
    (void)i;
    (void)state;
}

PLAIN_HOT_SECTION PLAIN_APART static void plain_scan_input(plain_state_t *state, const uint8_t *image, int32_t t)
{
    for (int32_t p = 0; p < 16; p++) {
        for (int32_t c = 0; c < 1; c++) {
            const int32_t i = p * 1 + c;
            if (image[i] == 0U) {
                continue;
            }
            const uint32_t sum = (uint32_t)plain_at_v_input(state)[i] + image[i];
            if (sum < 255U) {
                plain_at_v_input(state)[i] = (uint8_t)sum;
                continue;
            }
            plain_at_v_input(state)[i] = (uint8_t)(sum - 255U);
            plain_spike_input(state, p, c);
        }
    }
    (void)t;
}

/* A spike of conv. */
PLAIN_HOT_SECTION static void plain_spike_conv(plain_state_t *state, int32_t p, int32_t c)
{
    const int32_t i = p * 3 + c;
    plain_at_c_conv(state)[i]++;
    PLAIN_TRACE_SPIKES(1U, i, 1U);
    (void)p;
    (void)c;
    (void)i;
    (void)state;
}

/* Timestep t (elapsed = min(t, T), live: t <= T) of conv: who has reached the threshold fires. */
PLAIN_HOT_SECTION PLAIN_APART static void plain_scan_conv(plain_state_t *state, int32_t elapsed, int live, int32_t t)
{
    int16_t *const first = plain_at_v_conv(state);
    for (int32_t c = 0; c < 3; c++) {
        const int32_t theta = plain_tables.theta_conv[c];
                const int32_t level = theta - plain_tables.bias_conv[c] * (int32_t)elapsed;

        int16_t *v = first + c;
        for (int32_t p = 0; p < 4; p++, v += 3) {
                if (*v >= level) {
                    *v = (int16_t)(*v - theta);
                    plain_spike_conv(state, p, c);
                }

        }
    }
#ifdef PLAIN_TRACE
    for (int32_t p = 0; p < 4; p++) {
        for (int32_t c = 0; c < 3; c++) {
            const int64_t v = plain_at_v_conv(state)[p * 3 + c];
            plain_trace_potential(1U, (uint32_t)(p * 3 + c), (uint32_t)t, v + (int64_t)plain_tables.bias_conv[c] * elapsed);
        }
    }
#endif
    (void)elapsed;
    (void)live;
    (void)t;
}


/* Stage 0, input, conv: all timesteps. */
PLAIN_HOT_SECTION PLAIN_APART static void plain_stage_0(plain_state_t *state, const uint8_t *image, int32_t steps)
{
    memset(plain_at_c_conv(state), 0, 12U);
    memset(plain_at_v_input(state), 0, 16U);
    for (int32_t p = 0; p < 4; p++) {
        for (int32_t c = 0; c < 3; c++) {
            plain_at_v_conv(state)[p * 3 + c] = (int16_t)(plain_tables.v0_conv[c]);
        }
    }
    for (int32_t t = 0; t < steps + 0; t++) {
        const int live = t < steps;
        const int32_t elapsed = live ? t + 1 : steps;
        if (live) {
            plain_scan_input(state, image, t);
        }
#ifdef PLAIN_TRACE
        for (int32_t i = 0; i < PLAIN_PIXELS; i++) {
            plain_trace_potential(0U, (uint32_t)i, (uint32_t)t, 0);
        }
#endif
        plain_scan_conv(state, elapsed, live, t);
        (void)elapsed;
        (void)live;
    }
    (void)state;
    (void)image;
    (void)steps;
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
    PLAIN_REUSE();
    plain_stage_0(state, image, timesteps);
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
    return plain_tables.hash;
}
