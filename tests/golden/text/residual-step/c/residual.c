/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: step, T <= 6, 5-bit weights, current input of 8 bits, network 93473aa79bf26a2b. */
/* residual.c: the network `residual`, step dynamics. Written by snncc; do not edit. */
#include "residual.h"

#include <string.h>

#ifdef RESIDUAL_TRACE
#define RESIDUAL_TRACE_SPIKES(population, neuron, n) residual_trace_spikes(population, (uint32_t)(neuron), n)
#define RESIDUAL_TRACE_POTENTIAL(population, neuron, v) residual_trace_potential(population, (uint32_t)(neuron), 0U, v)
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

/* Where buffers lie in the state. Those that are not needed at the same time share memory; the stages from the first to
 * the last that needs each are in brackets. */
RESIDUAL_UNUSED static inline uint8_t *residual_at_c_dense(residual_state_t *state) /* 4: spikes of dense so far [0, 0] */
{
    void *const at = state->memory + 279;
    return (uint8_t *)at;
}
RESIDUAL_UNUSED static inline int32_t *residual_at_v_first(residual_state_t *state) /* 144: potentials of first [0, 0] */
{
    void *const at = state->memory + 0;
    return (int32_t *)at;
}
RESIDUAL_UNUSED static inline int16_t *residual_at_d_first(residual_state_t *state) /* 144: charge per timestep of first [0, 0] */
{
    void *const at = state->memory + 144;
    return (int16_t *)at;
}
RESIDUAL_UNUSED static inline int16_t *residual_at_v_joined(residual_state_t *state) /* 36: potentials of joined [0, 0] */
{
    void *const at = state->memory + 216;
    return (int16_t *)at;
}
RESIDUAL_UNUSED static inline int16_t *residual_at_v_again(residual_state_t *state) /* 36: potentials of again [0, 0] */
{
    void *const at = state->memory + 234;
    return (int16_t *)at;
}
RESIDUAL_UNUSED static inline int16_t *residual_at_v_pool(residual_state_t *state) /* 16: potentials of pool [0, 0] */
{
    void *const at = state->memory + 261;
    return (int16_t *)at;
}
RESIDUAL_UNUSED static inline int16_t *residual_at_v_dense(residual_state_t *state) /* 4: potentials of dense [0, 0] */
{
    void *const at = state->memory + 277;
    return (int16_t *)at;
}
RESIDUAL_UNUSED static inline int32_t *residual_at_acc_i32(residual_state_t *state) /* 8: accumulators [0, end] */
{
    void *const at = state->memory + 269;
    return (int32_t *)at;
}
RESIDUAL_UNUSED static inline uint8_t *residual_at_patch_u8(residual_state_t *state) /* 36: windows in one piece [0, end] */
{
    void *const at = state->memory + 252;
    return (uint8_t *)at;
}

/* A spike of first. */
RESIDUAL_HOT_SECTION static void residual_spike_first(residual_state_t *state, int32_t p, int32_t c)
{
    const int32_t i = p * 4 + c;
    residual_spread_tap_i8_l16(&residual_tables.g_joined_0, residual_tables.w_joined_0, residual_at_v_joined(state), p, c, 0, 8);
    residual_spread_tap_i8_l16(&residual_tables.g_joined_1, residual_tables.w_joined_1, residual_at_v_joined(state), p, c, 0, 8);
    RESIDUAL_TRACE_SPIKES(1U, i, 1U);
    (void)p;
    (void)c;
    (void)i;
    (void)state;
}

/* Timestep t (elapsed = min(t, T), live: t <= T) of first: who has reached the threshold fires. */
RESIDUAL_HOT_SECTION RESIDUAL_APART static void residual_scan_first(residual_state_t *state, int32_t elapsed, int live, int32_t t)
{
    int32_t *const first = residual_at_v_first(state);
    for (int32_t c = 0; c < 4; c++) {
        const int32_t theta = residual_tables.theta_first[c];
                const int32_t level = theta;

        int32_t *v = first + c;
        const int16_t *d = residual_at_d_first(state) + c;
        for (int32_t p = 0; p < 36; p++, v += 4, d += 4) {
                if (live) {
                    *v = (int32_t)(*v + *d);
                }
                if (*v >= level) {
                    *v = (int32_t)(*v - theta);
                    residual_spike_first(state, p, c);
                }

        }
    }
#ifdef RESIDUAL_TRACE
    for (int32_t p = 0; p < 36; p++) {
        for (int32_t c = 0; c < 4; c++) {
            const int64_t v = residual_at_v_first(state)[p * 4 + c];
            residual_trace_potential(1U, (uint32_t)(p * 4 + c), (uint32_t)t, v);
        }
    }
#endif
    (void)elapsed;
    (void)live;
    (void)t;
}

/* A spike of joined. */
RESIDUAL_HOT_SECTION static void residual_spike_joined(residual_state_t *state, int32_t p, int32_t c)
{
    const int32_t i = p * 4 + c;
    residual_spread_run_i8_l16(&residual_tables.g_again_0, residual_tables.w_again_0, residual_at_v_again(state), p, c, 8);
    residual_spread_tap_i8_l16(&residual_tables.g_again_1, residual_tables.w_again_1, residual_at_v_again(state), p, c, c, 8);
    RESIDUAL_TRACE_SPIKES(2U, i, 1U);
    (void)p;
    (void)c;
    (void)i;
    (void)state;
}

/* Timestep t (elapsed = min(t, T), live: t <= T) of joined: who has reached the threshold fires. */
RESIDUAL_HOT_SECTION RESIDUAL_APART static void residual_scan_joined(residual_state_t *state, int32_t elapsed, int live, int32_t t)
{
#ifdef RESIDUAL_DSP
    for (int32_t group = 0; group < 4; group += 4) {
        uint32_t thetas[2] = { 0U, 0U }, levels[2] = { 0U, 0U }; /* channels (0, 2) and (1, 3) of the group */
        for (int32_t k = 0; k < 4; k++) {
            const int32_t c = group + k;
            const int32_t theta = 542;
                const int32_t level = theta - residual_tables.bias_joined[c] * (int32_t)elapsed;

            thetas[k & 1] |= ((uint32_t)theta & 0xFFFFU) << (8 * (k & 2));
            levels[k & 1] |= ((uint32_t)level & 0xFFFFU) << (8 * (k & 2));
            (void)c;
        }
        int16_t *v = residual_at_v_joined(state) + group;
        for (int32_t p = 0; p < 9; p++, v += 4) {
            uint32_t words[2];
            memcpy(words, v, sizeof words);
            (void)__ssub16((int16x2_t)words[0], (int16x2_t)levels[0]);
            uint32_t fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)0U);
            (void)__ssub16((int16x2_t)words[1], (int16x2_t)levels[1]);
            fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)fired);
            if (__builtin_expect(fired == 0U, 1)) {
                continue;
            }
            for (int32_t k = 0; k < 2; k++) {
                (void)__ssub16((int16x2_t)words[k], (int16x2_t)levels[k]);
                fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)0U);
                words[k] = (uint32_t)__ssub16((int16x2_t)words[k], (int16x2_t)(thetas[k] & fired));
                memcpy(v + 2 * k, &words[k], sizeof words[k]);
                if ((fired & 0xFFFFU) != 0U) {
                    residual_spike_joined(state, p, group + k);
                }
                if ((fired >> 16) != 0U) {
                    residual_spike_joined(state, p, group + k + 2);
                }
            }
        }
    }
#else
    int16_t *const first = residual_at_v_joined(state);
    for (int32_t c = 0; c < 4; c++) {
        const int32_t theta = 542;
                const int32_t level = theta - residual_tables.bias_joined[c] * (int32_t)elapsed;

        int16_t *v = first + c;
        for (int32_t p = 0; p < 9; p++, v += 4) {
                if (*v >= level) {
                    *v = (int16_t)(*v - theta);
                    residual_spike_joined(state, p, c);
                }

        }
    }
#endif
#ifdef RESIDUAL_TRACE
    for (int32_t p = 0; p < 9; p++) {
        for (int32_t c = 0; c < 4; c++) {
            const int64_t v = residual_at_v_joined(state)[p * 4 + RESIDUAL_LANE(c)];
            residual_trace_potential(2U, (uint32_t)(p * 4 + c), (uint32_t)t, v + (int64_t)residual_tables.bias_joined[c] * elapsed);
        }
    }
#endif
    (void)elapsed;
    (void)live;
    (void)t;
}

/* A spike of again. */
RESIDUAL_HOT_SECTION static void residual_spike_again(residual_state_t *state, int32_t p, int32_t c)
{
    const int32_t i = p * 4 + c;
    residual_spread_pool_l16(&residual_tables.g_pool, residual_at_v_pool(state), p, c, 256);
    RESIDUAL_TRACE_SPIKES(3U, i, 1U);
    (void)p;
    (void)c;
    (void)i;
    (void)state;
}

/* Timestep t (elapsed = min(t, T), live: t <= T) of again: who has reached the threshold fires. */
RESIDUAL_HOT_SECTION RESIDUAL_APART static void residual_scan_again(residual_state_t *state, int32_t elapsed, int live, int32_t t)
{
#ifdef RESIDUAL_DSP
    for (int32_t group = 0; group < 4; group += 4) {
        uint32_t thetas[2] = { 0U, 0U }, levels[2] = { 0U, 0U }; /* channels (0, 2) and (1, 3) of the group */
        for (int32_t k = 0; k < 4; k++) {
            const int32_t c = group + k;
            const int32_t theta = 640;
                const int32_t level = theta - residual_tables.bias_again[c] * (int32_t)elapsed;

            thetas[k & 1] |= ((uint32_t)theta & 0xFFFFU) << (8 * (k & 2));
            levels[k & 1] |= ((uint32_t)level & 0xFFFFU) << (8 * (k & 2));
            (void)c;
        }
        int16_t *v = residual_at_v_again(state) + group;
        for (int32_t p = 0; p < 9; p++, v += 4) {
            uint32_t words[2];
            memcpy(words, v, sizeof words);
            (void)__ssub16((int16x2_t)words[0], (int16x2_t)levels[0]);
            uint32_t fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)0U);
            (void)__ssub16((int16x2_t)words[1], (int16x2_t)levels[1]);
            fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)fired);
            if (__builtin_expect(fired == 0U, 1)) {
                continue;
            }
            for (int32_t k = 0; k < 2; k++) {
                (void)__ssub16((int16x2_t)words[k], (int16x2_t)levels[k]);
                fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)0U);
                words[k] = (uint32_t)__ssub16((int16x2_t)words[k], (int16x2_t)(thetas[k] & fired));
                memcpy(v + 2 * k, &words[k], sizeof words[k]);
                if ((fired & 0xFFFFU) != 0U) {
                    residual_spike_again(state, p, group + k);
                }
                if ((fired >> 16) != 0U) {
                    residual_spike_again(state, p, group + k + 2);
                }
            }
        }
    }
#else
    int16_t *const first = residual_at_v_again(state);
    for (int32_t c = 0; c < 4; c++) {
        const int32_t theta = 640;
                const int32_t level = theta - residual_tables.bias_again[c] * (int32_t)elapsed;

        int16_t *v = first + c;
        for (int32_t p = 0; p < 9; p++, v += 4) {
                if (*v >= level) {
                    *v = (int16_t)(*v - theta);
                    residual_spike_again(state, p, c);
                }

        }
    }
#endif
#ifdef RESIDUAL_TRACE
    for (int32_t p = 0; p < 9; p++) {
        for (int32_t c = 0; c < 4; c++) {
            const int64_t v = residual_at_v_again(state)[p * 4 + RESIDUAL_LANE(c)];
            residual_trace_potential(3U, (uint32_t)(p * 4 + c), (uint32_t)t, v + (int64_t)residual_tables.bias_again[c] * elapsed);
        }
    }
#endif
    (void)elapsed;
    (void)live;
    (void)t;
}

/* A spike of pool. */
RESIDUAL_HOT_SECTION static void residual_spike_pool(residual_state_t *state, int32_t p, int32_t c)
{
    const int32_t i = p * 4 + c;
    residual_spread_row_i8_l16(&residual_tables.g_dense, residual_tables.w_dense, residual_at_v_dense(state), i, 16);
    RESIDUAL_TRACE_SPIKES(4U, i, 1U);
    (void)p;
    (void)c;
    (void)i;
    (void)state;
}

/* Timestep t (elapsed = min(t, T), live: t <= T) of pool: who has reached the threshold fires. */
RESIDUAL_HOT_SECTION RESIDUAL_APART static void residual_scan_pool(residual_state_t *state, int32_t elapsed, int live, int32_t t)
{
#ifdef RESIDUAL_DSP
    for (int32_t group = 0; group < 4; group += 4) {
        uint32_t thetas[2] = { 0U, 0U }, levels[2] = { 0U, 0U }; /* channels (0, 2) and (1, 3) of the group */
        for (int32_t k = 0; k < 4; k++) {
            const int32_t c = group + k;
            const int32_t theta = 867;
                const int32_t level = theta;

            thetas[k & 1] |= ((uint32_t)theta & 0xFFFFU) << (8 * (k & 2));
            levels[k & 1] |= ((uint32_t)level & 0xFFFFU) << (8 * (k & 2));
            (void)c;
        }
        int16_t *v = residual_at_v_pool(state) + group;
        for (int32_t p = 0; p < 4; p++, v += 4) {
            uint32_t words[2];
            memcpy(words, v, sizeof words);
            (void)__ssub16((int16x2_t)words[0], (int16x2_t)levels[0]);
            uint32_t fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)0U);
            (void)__ssub16((int16x2_t)words[1], (int16x2_t)levels[1]);
            fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)fired);
            if (__builtin_expect(fired == 0U, 1)) {
                continue;
            }
            for (int32_t k = 0; k < 2; k++) {
                (void)__ssub16((int16x2_t)words[k], (int16x2_t)levels[k]);
                fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)0U);
                words[k] = (uint32_t)__ssub16((int16x2_t)words[k], (int16x2_t)(thetas[k] & fired));
                memcpy(v + 2 * k, &words[k], sizeof words[k]);
                if ((fired & 0xFFFFU) != 0U) {
                    residual_spike_pool(state, p, group + k);
                }
                if ((fired >> 16) != 0U) {
                    residual_spike_pool(state, p, group + k + 2);
                }
            }
        }
    }
#else
    int16_t *const first = residual_at_v_pool(state);
    for (int32_t c = 0; c < 4; c++) {
        const int32_t theta = 867;
                const int32_t level = theta;

        int16_t *v = first + c;
        for (int32_t p = 0; p < 4; p++, v += 4) {
                if (*v >= level) {
                    *v = (int16_t)(*v - theta);
                    residual_spike_pool(state, p, c);
                }

        }
    }
#endif
#ifdef RESIDUAL_TRACE
    for (int32_t p = 0; p < 4; p++) {
        for (int32_t c = 0; c < 4; c++) {
            const int64_t v = residual_at_v_pool(state)[p * 4 + RESIDUAL_LANE(c)];
            residual_trace_potential(4U, (uint32_t)(p * 4 + c), (uint32_t)t, v);
        }
    }
#endif
    (void)elapsed;
    (void)live;
    (void)t;
}

/* A spike of dense. */
RESIDUAL_HOT_SECTION static void residual_spike_dense(residual_state_t *state, int32_t p, int32_t c)
{
    const int32_t i = p * 4 + c;
    residual_at_c_dense(state)[i]++;
    RESIDUAL_TRACE_SPIKES(5U, i, 1U);
    (void)p;
    (void)c;
    (void)i;
    (void)state;
}

/* Timestep t (elapsed = min(t, T), live: t <= T) of dense: who has reached the threshold fires. */
RESIDUAL_HOT_SECTION RESIDUAL_APART static void residual_scan_dense(residual_state_t *state, int32_t elapsed, int live, int32_t t)
{
#ifdef RESIDUAL_DSP
    for (int32_t group = 0; group < 4; group += 4) {
        uint32_t thetas[2] = { 0U, 0U }, levels[2] = { 0U, 0U }; /* channels (0, 2) and (1, 3) of the group */
        for (int32_t k = 0; k < 4; k++) {
            const int32_t c = group + k;
            const int32_t theta = 870;
                const int32_t level = theta - residual_tables.bias_dense[c] * (int32_t)elapsed;

            thetas[k & 1] |= ((uint32_t)theta & 0xFFFFU) << (8 * (k & 2));
            levels[k & 1] |= ((uint32_t)level & 0xFFFFU) << (8 * (k & 2));
            (void)c;
        }
        int16_t *v = residual_at_v_dense(state) + group;
        for (int32_t p = 0; p < 1; p++, v += 4) {
            uint32_t words[2];
            memcpy(words, v, sizeof words);
            (void)__ssub16((int16x2_t)words[0], (int16x2_t)levels[0]);
            uint32_t fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)0U);
            (void)__ssub16((int16x2_t)words[1], (int16x2_t)levels[1]);
            fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)fired);
            if (__builtin_expect(fired == 0U, 1)) {
                continue;
            }
            for (int32_t k = 0; k < 2; k++) {
                (void)__ssub16((int16x2_t)words[k], (int16x2_t)levels[k]);
                fired = (uint32_t)__sel((uint8x4_t)0xFFFFFFFFU, (uint8x4_t)0U);
                words[k] = (uint32_t)__ssub16((int16x2_t)words[k], (int16x2_t)(thetas[k] & fired));
                memcpy(v + 2 * k, &words[k], sizeof words[k]);
                if ((fired & 0xFFFFU) != 0U) {
                    residual_spike_dense(state, p, group + k);
                }
                if ((fired >> 16) != 0U) {
                    residual_spike_dense(state, p, group + k + 2);
                }
            }
        }
    }
#else
    int16_t *const first = residual_at_v_dense(state);
    for (int32_t c = 0; c < 4; c++) {
        const int32_t theta = 870;
                const int32_t level = theta - residual_tables.bias_dense[c] * (int32_t)elapsed;

        int16_t *v = first + c;
        for (int32_t p = 0; p < 1; p++, v += 4) {
                if (*v >= level) {
                    *v = (int16_t)(*v - theta);
                    residual_spike_dense(state, p, c);
                }

        }
    }
#endif
#ifdef RESIDUAL_TRACE
    for (int32_t p = 0; p < 1; p++) {
        for (int32_t c = 0; c < 4; c++) {
            const int64_t v = residual_at_v_dense(state)[p * 4 + RESIDUAL_LANE(c)];
            residual_trace_potential(5U, (uint32_t)(p * 4 + c), (uint32_t)t, v + (int64_t)residual_tables.bias_dense[c] * elapsed);
        }
    }
#endif
    (void)elapsed;
    (void)live;
    (void)t;
}

/* The charge that the constant input brings to first at every timestep, its bias included. */
RESIDUAL_HOT_SECTION static void residual_drive_first(residual_state_t *state, const uint8_t *image)
{
#ifdef RESIDUAL_HOST
    RESIDUAL_ALIGNED int32_t acc[64];
    RESIDUAL_ALIGNED uint8_t patch_uint8_t[1024];
    for (int32_t p = 0; p < 36; p += 16) {
        const int32_t end = residual_least(p + 16, 36);
        for (int32_t at = p; at < end; at++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[(at - p) * 4 + c] = residual_tables.bias_first[c];
            }
        }
        residual_host_dot_u8_i8_mixed_pairs(&residual_tables.g_first, image, p, end - p, patch_uint8_t, residual_tables.w_first, 18, acc, 4, 1);
        for (int32_t at = p; at < end; at++) {
            const int32_t *const sums = acc + (at - p) * 4;
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = sums[c];
                const int32_t i = at * 4 + c;
                residual_at_d_first(state)[i] = (int16_t)u;
            }
        }
    }
#else
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 36; p += 2) {
        const int32_t next = residual_least(p + 1, 35); /* p itself where it is the last: the second row is then not read */
        for (int32_t c = 0; c < 4; c++) {
            const int32_t start = residual_tables.bias_first[c];
            acc[c] = start;
            acc[4 + c] = start;
        }
        residual_dot2_u8_i8_i32_short(&residual_tables.g_first, image, p, next, residual_at_patch_u8(state), residual_tables.w_first, 18, acc, 1);
        for (int32_t at = p; at <= next; at++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[(at - p) * 4 + c];
                const int32_t i = at * 4 + c;
                residual_at_d_first(state)[i] = (int16_t)u;
            }
        }
    }
#endif
}


/* Stage 0, first, joined, again, pool, dense: all timesteps. */
RESIDUAL_HOT_SECTION RESIDUAL_APART static void residual_stage_0(residual_state_t *state, const uint8_t *image, int32_t steps)
{
    memset(residual_at_c_dense(state), 0, 4U);
    for (int32_t p = 0; p < 36; p++) {
        for (int32_t c = 0; c < 4; c++) {
            residual_at_v_first(state)[p * 4 + c] = (int32_t)(residual_tables.v0_first[c]);
        }
    }
    for (int32_t p = 0; p < 9; p++) {
        for (int32_t c = 0; c < 4; c++) {
            residual_at_v_joined(state)[p * 4 + RESIDUAL_LANE(c)] = (int16_t)(271);
        }
    }
    for (int32_t p = 0; p < 9; p++) {
        for (int32_t c = 0; c < 4; c++) {
            residual_at_v_again(state)[p * 4 + RESIDUAL_LANE(c)] = (int16_t)(320);
        }
    }
    for (int32_t p = 0; p < 4; p++) {
        for (int32_t c = 0; c < 4; c++) {
            residual_at_v_pool(state)[p * 4 + RESIDUAL_LANE(c)] = (int16_t)(433);
        }
    }
    for (int32_t p = 0; p < 1; p++) {
        for (int32_t c = 0; c < 4; c++) {
            residual_at_v_dense(state)[p * 4 + RESIDUAL_LANE(c)] = (int16_t)(435);
        }
    }
    residual_drive_first(state, image);
    for (int32_t t = 0; t < steps + 2; t++) {
        const int live = t < steps;
        const int32_t elapsed = live ? t + 1 : steps;
        residual_scan_first(state, elapsed, live, t);
        residual_scan_joined(state, elapsed, live, t);
        residual_scan_again(state, elapsed, live, t);
        residual_scan_pool(state, elapsed, live, t);
        residual_scan_dense(state, elapsed, live, t);
        (void)elapsed;
        (void)live;
    }
    (void)state;
    (void)image;
    (void)steps;
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
    residual_stage_0(state, image, timesteps);
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
    return "93473aa79bf26a2bb53fa34c45d68da9053598d949e5fa5071c568112994ef34"; /* the tables lie in flash, out of a caller's reach */
#else
    return residual_tables.hash;
#endif
}
