/* residual.c: the network `residual`, count dynamics. Written by snncc; do not edit. */
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
RESIDUAL_CHECK(const_bytes, sizeof(residual_tables_t) == RESIDUAL_CONST_BYTES);
RESIDUAL_CHECK(state_bytes, sizeof(residual_state_t) == RESIDUAL_STATE_BYTES);
typedef struct {
    char before;
    residual_state_t state;
} residual_aligned_t;
RESIDUAL_CHECK(state_align, RESIDUAL_STATE_ALIGN % offsetof(residual_aligned_t, state) == 0);

/* Where buffers lie in the state. Those that are not needed at the same time share memory; the times from the first to
 * the last that needs each are in brackets. */
#define residual_at_c_first(state) ((uint8_t *)(void *)((state)->memory + 0)) /* 144: counts of first [1, 2] */
#define residual_at_c_joined(state) ((uint8_t *)(void *)((state)->memory + 54)) /* 36: counts of joined [2, 3] */
#define residual_at_c_again(state) ((uint8_t *)(void *)((state)->memory + 0)) /* 36: counts of again [3, 4] */
#define residual_at_c_pool(state) ((uint8_t *)(void *)((state)->memory + 9)) /* 16: counts of pool [4, 5] */
#define residual_at_c_dense(state) ((uint8_t *)(void *)((state)->memory + 0)) /* 4: counts of dense [5, 6] */
#define residual_at_acc_i32(state) ((int32_t *)(void *)((state)->memory + 63)) /* 8: accumulators [0, end] */
#define residual_at_patch_u8(state) ((uint8_t *)(void *)((state)->memory + 36)) /* 72: windows in one piece [0, end] */

/* first over the whole image. */
static void residual_run_first(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 36; p += 2) {
        const int32_t n = p + 1 < 36 ? 2 : 1;
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[q * 4 + c] = residual_tables.bias_first[c] * steps + residual_tables.v0_first[c];
            }
        }
        if (n == 2) {
            const uint8_t *a = residual_gather_u8(&residual_tables.g_first, image, p, residual_at_patch_u8(state));
            const uint8_t *b = residual_gather_u8(&residual_tables.g_first, image, p + 1, residual_at_patch_u8(state) + 18);
            residual_dot2_u8_i8_i32(&residual_tables.g_first, a, b, residual_tables.w_first, 18, acc, steps);
        } else {
            residual_dot1_u8_i8_i32(&residual_tables.g_first, residual_gather_u8(&residual_tables.g_first, image, p, residual_at_patch_u8(state)), residual_tables.w_first, 18, acc, steps);
        }
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[q * 4 + c];
                const int32_t i = (p + q) * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, residual_tables.theta_first[c], limit + 2U);
                residual_at_c_first(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(1U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(1U, i, u);
            }
        }
    }
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

/* joined over the whole image. */
static void residual_run_joined(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 9; p += 2) {
        const int32_t n = p + 1 < 9 ? 2 : 1;
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[q * 4 + c] = residual_tables.bias_joined[c] * steps + 271;
            }
        }
        if (n == 2) {
            const uint8_t *a = residual_gather_u8(&residual_tables.g_joined_0, residual_at_c_first(state), p, residual_at_patch_u8(state));
            const uint8_t *b = residual_gather_u8(&residual_tables.g_joined_0, residual_at_c_first(state), p + 1, residual_at_patch_u8(state) + 36);
            residual_dot2_u8_i8_i32(&residual_tables.g_joined_0, a, b, residual_tables.w_joined_0, 36, acc, 8);
        } else {
            residual_dot1_u8_i8_i32(&residual_tables.g_joined_0, residual_gather_u8(&residual_tables.g_joined_0, residual_at_c_first(state), p, residual_at_patch_u8(state)), residual_tables.w_joined_0, 36, acc, 8);
        }
        if (n == 2) {
            const uint8_t *a = residual_gather_u8(&residual_tables.g_joined_1, residual_at_c_first(state), p, residual_at_patch_u8(state));
            const uint8_t *b = residual_gather_u8(&residual_tables.g_joined_1, residual_at_c_first(state), p + 1, residual_at_patch_u8(state) + 4);
            residual_dot2_u8_i8_i32(&residual_tables.g_joined_1, a, b, residual_tables.w_joined_1, 4, acc, 8);
        } else {
            residual_dot1_u8_i8_i32(&residual_tables.g_joined_1, residual_gather_u8(&residual_tables.g_joined_1, residual_at_c_first(state), p, residual_at_patch_u8(state)), residual_tables.w_joined_1, 4, acc, 8);
        }
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[q * 4 + c];
                const int32_t i = (p + q) * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, 542, limit + 2U);
                residual_at_c_joined(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(2U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(2U, i, u);
            }
        }
    }
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

/* again over the whole image. */
static void residual_run_again(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 9; p += 2) {
        const int32_t n = p + 1 < 9 ? 2 : 1;
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[q * 4 + c] = residual_tables.bias_again[c] * steps + 320;
            }
        }
        if (n == 2) {
            const uint8_t *a = residual_gather_u8(&residual_tables.g_again_0, residual_at_c_joined(state), p, residual_at_patch_u8(state));
            const uint8_t *b = residual_gather_u8(&residual_tables.g_again_0, residual_at_c_joined(state), p + 1, residual_at_patch_u8(state) + 36);
            residual_dot2_u8_i8_i32(&residual_tables.g_again_0, a, b, residual_tables.w_again_0, 36, acc, 8);
        } else {
            residual_dot1_u8_i8_i32(&residual_tables.g_again_0, residual_gather_u8(&residual_tables.g_again_0, residual_at_c_joined(state), p, residual_at_patch_u8(state)), residual_tables.w_again_0, 36, acc, 8);
        }
        for (int32_t q = 0; q < n; q++) {
            residual_taps_u8_i8_i32(&residual_tables.g_again_1, residual_at_c_joined(state), residual_tables.w_again_1, p + q, acc + q * 4 + 0, 8);
        }
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[q * 4 + c];
                const int32_t i = (p + q) * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, 640, limit + 2U);
                residual_at_c_again(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(3U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(3U, i, u);
            }
        }
    }
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

/* pool over the whole image. */
static void residual_run_pool(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 4; p += 2) {
        const int32_t n = p + 1 < 4 ? 2 : 1;
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 4; c++) {
                acc[q * 4 + c] = 433;
            }
        }
        for (int32_t q = 0; q < n; q++) {
            residual_pool_u8_i32(&residual_tables.g_pool, residual_at_c_again(state), p + q, acc + q * 4 + 0, 256);
        }
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[q * 4 + c];
                const int32_t i = (p + q) * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, 867, limit + 2U);
                residual_at_c_pool(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(4U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(4U, i, u);
            }
        }
    }
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

/* dense over the whole image. */
static void residual_run_dense(residual_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, residual_result_t *result)
{
    int32_t *acc = residual_at_acc_i32(state);
    for (int32_t p = 0; p < 1; p += 1) {
        {
            const int32_t q = 0;
            (void)q;
            for (int32_t c = 0; c < 4; c++) {
                acc[q * 4 + c] = residual_tables.bias_dense[c] * steps + 435;
            }
        }
        residual_dot1_u8_i8_i32(&residual_tables.g_dense, residual_at_c_pool(state) + (p) * 16, residual_tables.w_dense, 16, acc, 16);
        {
            const int32_t q = 0;
            (void)q;
            for (int32_t c = 0; c < 4; c++) {
                const int32_t u = acc[q * 4 + c];
                const int32_t i = (p + q) * 4 + c;
                const uint32_t spikes = residual_fire_i32(u, 870, limit + 2U);
                residual_at_c_dense(state)[i] = (uint8_t)spikes;
                RESIDUAL_TRACE_SPIKES(5U, i, spikes);
                RESIDUAL_TRACE_POTENTIAL(5U, i, u);
            }
        }
    }
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
    residual_run_first(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    residual_run_joined(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    residual_run_again(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
    residual_run_pool(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
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
    return residual_tables.hash;
}
