/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 16, 4-bit weights, rate input of 8 bits, network 4d995fe2ee1f23f2. */
/* views.h: views, an integer spiking network as plain C99. Written by snncc; do not edit.
 *
 *   static views_state_t state;               272 bytes of RAM, yours; one per thread
 *   views_result_t result;
 *   views_infer(&state, image, VIEWS_T_MAX, &result);
 *
 * No malloc, no float, no writable globals. Const data: 512 bytes (120 of weights).
 * Dynamics: count. Model's output = value / (s * T), s = 76.920187793427232, head: linear. */
#ifndef VIEWS_H
#define VIEWS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VIEWS_PIXELS 50           /* elements of an image: 5 x 5 x 2, channels last */
#define VIEWS_PIXEL_MIN (0)
#define VIEWS_PIXEL_MAX 255
#define VIEWS_OUTPUTS 2
#define VIEWS_T_MAX 16U
#define VIEWS_SPIKE_EXT 0
#define VIEWS_STATE_BYTES 272U
#define VIEWS_STATE_ALIGN 4U /* what views_infer_sized asks of the address of its state */
#define VIEWS_CONST_BYTES 512U
#define VIEWS_BYTE_TABLE_BYTES 0U /* more, in views_quantise.c */

typedef enum {
    VIEWS_OK = 0,
    VIEWS_ERROR_NULL = 1,      /* an argument is NULL */
    VIEWS_ERROR_TIMESTEPS = 2, /* timesteps is 0 or above VIEWS_T_MAX */
    VIEWS_ERROR_PIXEL = 3,     /* a pixel is outside VIEWS_PIXEL_MIN..VIEWS_PIXEL_MAX */
    VIEWS_ERROR_SIZE = 4       /* a buffer is too small, too large or not aligned to VIEWS_STATE_ALIGN */
} views_status_t;

typedef uint8_t views_pixel_t;
typedef int32_t views_value_t;

/* Working memory. Its contents need no initialisation and mean nothing between calls. */
typedef struct {
    int32_t memory[68]; /* views.c says what lies where, and when */
} views_state_t;

typedef struct {
    views_value_t values[VIEWS_OUTPUTS]; /* membrane potentials of the readout after the last timestep */
    uint32_t class_index;                  /* index of the largest value, the lowest of equals */
} views_result_t;

/* SHA-256 of the network as 64 hexadecimal digits, the same in every artefact made from it. */
const char *views_hash(void);

/* Classify one image.
 *   state      working memory, overwritten
 *   image      VIEWS_PIXELS pixels in VIEWS_PIXEL_MIN..VIEWS_PIXEL_MAX, row by row, channels last
 *   timesteps  T, 1..VIEWS_T_MAX
 *   result     written when VIEWS_OK is returned */
views_status_t views_infer(views_state_t *state, const views_pixel_t *image, uint16_t timesteps, views_result_t *result);

/* The same from memory of a given size: a pool, or a message of unknown length. state: aligned to VIEWS_STATE_ALIGN bytes. */
views_status_t views_infer_sized(void *state, size_t state_bytes, const views_pixel_t *image, size_t pixels, uint16_t timesteps, views_result_t *result);

/* There is no quantiser of raw bytes: it is not known how a byte becomes an input of the model. views_host.h has those
 * of numbers and of quantised features. */

#ifdef VIEWS_TRACE
/* Yours to define when views.c is compiled with -DVIEWS_TRACE. Population 0 is the input, 1.. in topological order.
 * count: spikes, then potential (before the division) of every neuron. step: spikes for each neuron that fires, then
 * the potential after reset of every neuron at every timestep. */
void views_trace_spikes(uint32_t population, uint32_t neuron, uint32_t spikes);
void views_trace_potential(uint32_t population, uint32_t neuron, uint32_t timestep, int64_t potential);
#endif

#ifdef __cplusplus
}
#endif

#endif
