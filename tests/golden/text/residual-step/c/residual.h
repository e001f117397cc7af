/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: step, T <= 6, 5-bit weights, current input of 8 bits, network 93473aa79bf26a2b. */
/* residual.h: residual, an integer spiking network as plain C99. Written by snncc; do not edit.
 *
 *   static residual_state_t state;               1120 bytes of RAM, yours; one per thread
 *   residual_result_t result;
 *   residual_infer(&state, image, RESIDUAL_T_MAX, &result);
 *
 * No malloc, no float, no writable globals. Const data: 798 bytes (444 of weights).
 * Dynamics: step. Model's output = value / (s * T), s = 1, head: linear. */
#ifndef RESIDUAL_H
#define RESIDUAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RESIDUAL_PIXELS 72           /* elements of an image: 6 x 6 x 2, channels last */
#define RESIDUAL_PIXEL_MIN (0)
#define RESIDUAL_PIXEL_MAX 255
#define RESIDUAL_OUTPUTS 4
#define RESIDUAL_T_MAX 6U
#define RESIDUAL_SPIKE_EXT 2
#define RESIDUAL_STATE_BYTES 1120U
#define RESIDUAL_STATE_ALIGN 4U /* what residual_infer_sized asks of the address of its state */
#define RESIDUAL_CONST_BYTES 798U
#define RESIDUAL_BYTE_TABLE_BYTES 0U /* more, in residual_quantise.c */

typedef enum {
    RESIDUAL_OK = 0,
    RESIDUAL_ERROR_NULL = 1,      /* an argument is NULL */
    RESIDUAL_ERROR_TIMESTEPS = 2, /* timesteps is 0 or above RESIDUAL_T_MAX */
    RESIDUAL_ERROR_PIXEL = 3,     /* a pixel is outside RESIDUAL_PIXEL_MIN..RESIDUAL_PIXEL_MAX */
    RESIDUAL_ERROR_SIZE = 4       /* a buffer is too small, too large or not aligned to RESIDUAL_STATE_ALIGN */
} residual_status_t;

typedef uint8_t residual_pixel_t;
typedef int32_t residual_value_t;

/* Working memory. Its contents need no initialisation and mean nothing between calls. */
typedef struct {
    int32_t memory[280]; /* residual.c says what lies where, and when */
} residual_state_t;

typedef struct {
    residual_value_t values[RESIDUAL_OUTPUTS]; /* spikes of the readout after the last timestep */
    uint32_t class_index;                  /* index of the largest value, the lowest of equals */
} residual_result_t;

/* SHA-256 of the network as 64 hexadecimal digits, the same in every artefact made from it. */
const char *residual_hash(void);

/* Classify one image.
 *   state      working memory, overwritten
 *   image      RESIDUAL_PIXELS pixels in RESIDUAL_PIXEL_MIN..RESIDUAL_PIXEL_MAX, row by row, channels last
 *   timesteps  T, 1..RESIDUAL_T_MAX
 *   result     written when RESIDUAL_OK is returned */
residual_status_t residual_infer(residual_state_t *state, const residual_pixel_t *image, uint16_t timesteps, residual_result_t *result);

/* The same from memory of a given size: a pool, or a message of unknown length. state: aligned to RESIDUAL_STATE_ALIGN bytes. */
residual_status_t residual_infer_sized(void *state, size_t state_bytes, const residual_pixel_t *image, size_t pixels, uint16_t timesteps, residual_result_t *result);

/* There is no quantiser of raw bytes: it is not known how a byte becomes an input of the model. residual_host.h has those
 * of numbers and of quantised features. */

#ifdef RESIDUAL_TRACE
/* Yours to define when residual.c is compiled with -DRESIDUAL_TRACE. Population 0 is the input, 1.. in topological order.
 * count: spikes, then potential (before the division) of every neuron. step: spikes for each neuron that fires, then
 * the potential after reset of every neuron at every timestep. */
void residual_trace_spikes(uint32_t population, uint32_t neuron, uint32_t spikes);
void residual_trace_potential(uint32_t population, uint32_t neuron, uint32_t timestep, int64_t potential);
#endif

#ifdef __cplusplus
}
#endif

#endif
