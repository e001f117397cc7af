/* plain.c: the network `plain`, count dynamics. Written by snncc; do not edit. */
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
PLAIN_CHECK(const_bytes, sizeof(plain_tables_t) == PLAIN_CONST_BYTES);
PLAIN_CHECK(state_bytes, sizeof(plain_state_t) == PLAIN_STATE_BYTES);
typedef struct {
    char before;
    plain_state_t state;
} plain_aligned_t;
PLAIN_CHECK(state_align, PLAIN_STATE_ALIGN % offsetof(plain_aligned_t, state) == 0);

/* Where buffers lie in the state. Those that are not needed at the same time share memory; the times from the first to
 * the last that needs each are in brackets. */
#define plain_at_c_input(state) ((uint8_t *)(void *)((state)->memory + 11)) /* 16: counts of input [0, 1] */
#define plain_at_c_conv(state) ((uint8_t *)(void *)((state)->memory + 15)) /* 12: counts of conv [1, 2] */
#define plain_at_acc_i32(state) ((int32_t *)(void *)((state)->memory + 0)) /* 6: accumulators [0, end] */
#define plain_at_patch_u8(state) ((uint8_t *)(void *)((state)->memory + 6)) /* 18: windows in one piece [0, end] */

/* conv over the whole image. */
static void plain_run_conv(plain_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, plain_result_t *result)
{
    int32_t *acc = plain_at_acc_i32(state);
    for (int32_t p = 0; p < 4; p += 2) {
        const int32_t n = p + 1 < 4 ? 2 : 1;
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 3; c++) {
                acc[q * 3 + c] = plain_tables.bias_conv[c] * steps + plain_tables.v0_conv[c];
            }
        }
        if (n == 2) {
            const uint8_t *a = plain_gather_u8(&plain_tables.g_conv, plain_at_c_input(state), p, plain_at_patch_u8(state));
            const uint8_t *b = plain_gather_u8(&plain_tables.g_conv, plain_at_c_input(state), p + 1, plain_at_patch_u8(state) + 9);
            plain_dot2_u8_i8_i32(&plain_tables.g_conv, a, b, plain_tables.w_conv, 9, acc, 4);
        } else {
            plain_dot1_u8_i8_i32(&plain_tables.g_conv, plain_gather_u8(&plain_tables.g_conv, plain_at_c_input(state), p, plain_at_patch_u8(state)), plain_tables.w_conv, 9, acc, 4);
        }
        for (int32_t q = 0; q < n; q++) {
            for (int32_t c = 0; c < 3; c++) {
                const int32_t u = acc[q * 3 + c];
                const int32_t i = (p + q) * 3 + c;
                const uint32_t spikes = plain_fire_i32(u, plain_tables.theta_conv[c], limit);
                plain_at_c_conv(state)[i] = (uint8_t)spikes;
                PLAIN_TRACE_SPIKES(1U, i, spikes);
                PLAIN_TRACE_POTENTIAL(1U, i, u);
            }
        }
    }
    (void)image;
    (void)steps;
    (void)limit;
    (void)result;
}

/* dense over the whole image. */
static void plain_run_dense(plain_state_t *state, const uint8_t *image, int32_t steps, uint32_t limit, plain_result_t *result)
{
    int32_t *acc = plain_at_acc_i32(state);
    for (int32_t p = 0; p < 1; p += 1) {
        {
            const int32_t q = 0;
            (void)q;
            for (int32_t c = 0; c < 3; c++) {
                acc[q * 3 + c] = plain_tables.bias_dense[c] * steps;
            }
        }
        plain_dot1_u8_i8_i32(&plain_tables.g_dense, plain_at_c_conv(state) + (p) * 12, plain_tables.w_dense, 12, acc, 4);
        {
            const int32_t q = 0;
            (void)q;
            for (int32_t c = 0; c < 3; c++) {
                const int32_t u = acc[q * 3 + c];
                const int32_t i = (p + q) * 3 + c;
                result->values[i] = u;
                PLAIN_TRACE_POTENTIAL(2U, i, u);
            }
        }
    }
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
    plain_run_conv(state, image, (int32_t)timesteps, (uint32_t)timesteps, result);
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
