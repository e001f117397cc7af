/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 8, 8-bit weights, rate input of 8 bits, network 624227e456295358. */
/* plain.h: plain, an integer spiking network as plain C99. Written by snncc; do not edit.
 *
 *   static plain_state_t state;               72 bytes of RAM, yours; one per thread
 *   plain_result_t result;
 *   plain_infer(&state, image, PLAIN_T_MAX, &result);
 *
 * No malloc, no float, no writable globals. Const data: 224 bytes (63 of weights).
 * Dynamics: count. Model's output = value / (s * T), s = 339.32941943900846, head: softmax. */
#ifndef PLAIN_H
#define PLAIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLAIN_PIXELS 16           /* elements of an image: 4 x 4 x 1, channels last */
#define PLAIN_PIXEL_MIN (0)
#define PLAIN_PIXEL_MAX 255
#define PLAIN_OUTPUTS 3
#define PLAIN_T_MAX 8U
#define PLAIN_SPIKE_EXT 0
#define PLAIN_STATE_BYTES 72U
#define PLAIN_STATE_ALIGN 4U /* what plain_infer_sized asks of the address of its state */
#define PLAIN_CONST_BYTES 224U
#define PLAIN_BYTE_TABLE_BYTES 256U /* more, in plain_quantise.c */

typedef enum {
    PLAIN_OK = 0,
    PLAIN_ERROR_NULL = 1,      /* an argument is NULL */
    PLAIN_ERROR_TIMESTEPS = 2, /* timesteps is 0 or above PLAIN_T_MAX */
    PLAIN_ERROR_PIXEL = 3,     /* a pixel is outside PLAIN_PIXEL_MIN..PLAIN_PIXEL_MAX */
    PLAIN_ERROR_SIZE = 4       /* a buffer is too small, too large or not aligned to PLAIN_STATE_ALIGN */
} plain_status_t;

typedef uint8_t plain_pixel_t;
typedef int32_t plain_value_t;

/* Working memory. Its contents need no initialisation and mean nothing between calls. */
typedef struct {
    int32_t memory[18]; /* plain.c says what lies where, and when */
} plain_state_t;

typedef struct {
    plain_value_t values[PLAIN_OUTPUTS]; /* membrane potentials of the readout after the last timestep */
    uint32_t class_index;                  /* index of the largest value, the lowest of equals */
} plain_result_t;

/* SHA-256 of the network as 64 hexadecimal digits, the same in every artefact made from it. */
const char *plain_hash(void);

/* Classify one image.
 *   state      working memory, overwritten
 *   image      PLAIN_PIXELS pixels in PLAIN_PIXEL_MIN..PLAIN_PIXEL_MAX, row by row, channels last
 *   timesteps  T, 1..PLAIN_T_MAX
 *   result     written when PLAIN_OK is returned */
plain_status_t plain_infer(plain_state_t *state, const plain_pixel_t *image, uint16_t timesteps, plain_result_t *result);

/* The same from memory of a given size: a pool, or a message of unknown length. state: aligned to PLAIN_STATE_ALIGN bytes. */
plain_status_t plain_infer_sized(void *state, size_t state_bytes, const plain_pixel_t *image, size_t pixels, uint16_t timesteps, plain_result_t *result);

/* Make an image of PLAIN_PIXELS raw bytes, in the order of the pixels (plain_quantise.c).
 * Raw bytes: an input of the model is byte/256. */
plain_status_t plain_quantise(const uint8_t *bytes, size_t count, plain_pixel_t *image);

#ifdef PLAIN_TRACE
/* Yours to define when plain.c is compiled with -DPLAIN_TRACE. Population 0 is the input, 1.. in topological order.
 * count: spikes, then potential (before the division) of every neuron. step: spikes for each neuron that fires, then
 * the potential after reset of every neuron at every timestep. */
void plain_trace_spikes(uint32_t population, uint32_t neuron, uint32_t spikes);
void plain_trace_potential(uint32_t population, uint32_t neuron, uint32_t timestep, int64_t potential);
#endif

#ifdef __cplusplus
}
#endif

#endif
