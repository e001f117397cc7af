/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 8, 8-bit weights, rate input of 8 bits, network 624227e456295358. */
/* plain_kernels.h: the loops that plain.c is made of. Included by it alone. Written by snncc; do not edit. */
#ifndef PLAIN_KERNELS_H
#define PLAIN_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Functions that are faster alone than inside their caller, where they run out of registers. */
#ifdef __GNUC__
#define PLAIN_APART __attribute__((noinline))
#define PLAIN_REUSE() __asm__ volatile("" : : : "memory") /* from here on buffers lie where others of other types lay */
#else
#define PLAIN_APART
#define PLAIN_REUSE() ((void)0)
#endif

/* Where the loops lie: -D'PLAIN_HOT_SECTION=__attribute__((section(".itcm")))' moves them. */
#ifndef PLAIN_HOT_SECTION
#define PLAIN_HOT_SECTION
#endif

/* A window over a source map: sizes in elements; `first`, `row`: where its outputs go among a neuron row. */
typedef struct {
    int16_t height, width, channels, kernel_h, kernel_w, stride_h, stride_w, dilate_h, dilate_w;
    int16_t top, left, out_h, out_w, out_channels, multiplier, first, row, gathers;
} plain_window_t;

static inline int32_t plain_most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int32_t plain_least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* A function of its own, which no optimisation level copies into its callers: their loops then keep the registers. */
#if defined(__GNUC__)
#define PLAIN_KERNEL PLAIN_HOT_SECTION static __attribute__((noinline, unused))
#else
#define PLAIN_KERNEL PLAIN_HOT_SECTION static
#endif

/* Cortex-M4, M7, M33 and others with the DSP extension and unaligned access: two 16-bit products or sums per
   instruction, same results. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && defined(__ARM_FEATURE_UNALIGNED) && defined(__ARMEL__) && !defined(PLAIN_NO_DSP)
#define PLAIN_DSP 1
#include <arm_acle.h>
#define PLAIN_INLINE static inline __attribute__((always_inline))

PLAIN_INLINE uint32_t plain_word(const void *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Lanes: four neighbours as two pairs of 16 bits, (0, 2) and (1, 3). */
PLAIN_INLINE void plain_lanes_u8(const void *from, uint32_t *lanes)
{
    const uint32_t word = plain_word(from);
    __asm__("uxtb16 %0, %1" : "=r"(lanes[0]) : "r"(word));
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(lanes[1]) : "r"(word));
}

PLAIN_INLINE void plain_lanes_i8(const void *from, uint32_t *lanes)
{
    const uint32_t word = plain_word(from);
    __asm__("sxtb16 %0, %1" : "=r"(lanes[0]) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(lanes[1]) : "r"(word));
}

PLAIN_INLINE void plain_lanes_i16(const void *from, uint32_t *lanes)
{
    const uint32_t first = plain_word(from), second = plain_word((const int16_t *)from + 2);
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(lanes[0]) : "r"(first), "r"(second));
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(lanes[1]) : "r"(first), "r"(second));
}

/* The next two words, which lie aligned. */
PLAIN_INLINE void plain_take(const uint32_t **from, uint32_t *to)
{
    __asm__ volatile("ldrd %0, %1, [%2], #8" : "=&r"(to[0]), "=&r"(to[1]), "+&r"(*from) : : "memory");
}

PLAIN_INLINE int32_t plain_mac(uint32_t a, uint32_t b, int32_t sum)
{
    return __smlad((int16x2_t)a, (int16x2_t)b, sum);
}
#endif

/* Cortex-M55, M85 with Helium: eight 16-bit products per instruction, same results. */
#if defined(PLAIN_DSP) && defined(__ARM_FEATURE_MVE) && !defined(PLAIN_NO_MVE)
#define PLAIN_MVE 1
#include <arm_mve.h>

/* The next eight elements as 16 bits, zeros where fewer are `left`. */
PLAIN_INLINE int16x8_t plain_eight_u8(const uint8_t *from, mve_pred16_t left)
{
    return vreinterpretq_s16_u16(vldrbq_z_u16(from, left));
}

PLAIN_INLINE int16x8_t plain_eight_i8(const int8_t *from, mve_pred16_t left)
{
    return vldrbq_z_s16(from, left);
}

PLAIN_INLINE int16x8_t plain_eight_u16(const uint16_t *from, mve_pred16_t left)
{
    return vreinterpretq_s16_u16(vldrhq_z_u16(from, left));
}

PLAIN_INLINE int16x8_t plain_eight_i16(const int16_t *from, mve_pred16_t left)
{
    return vldrhq_z_s16(from, left);
}
#endif

/* Where channel c of a 16-bit potential lies: in groups of four as 0 2 1 3 under DSP. Its own inverse. */
#ifdef PLAIN_DSP
#define PLAIN_LANE(c) (((c) & ~3) | (((c) & 1) << 1) | (((c) >> 1) & 1))
#else
#define PLAIN_LANE(c) (c)
#endif

PLAIN_KERNEL void plain_copy_u8(uint8_t *to, const uint8_t *from, int32_t n)
{
#ifdef PLAIN_DSP
    int32_t i = 0;
    for (; i < (n & ~3); i += 4) {
        memcpy(to + i, from + i, 4U);
    }
    for (; i < n; i++) {
        to[i] = from[i];
    }
#else
    memcpy(to, from, (size_t)n * sizeof *to);
#endif
}

/* The window of output position p in one piece: where it lies already, or copied to `patch` with zeros outside. */
PLAIN_KERNEL const uint8_t *plain_gather_u8(const plain_window_t *g, const uint8_t *source, int32_t p, uint8_t *patch)
{
    const int32_t channels = g->channels, row = g->width * channels;
    if (!g->gathers) {
        return source + p * channels;
    }
    const int32_t oy = p / g->out_w;
    const int32_t x0 = (p - oy * g->out_w) * g->stride_w - g->left;
    int32_t y = oy * g->stride_h - g->top;
    uint8_t *to = patch;
    for (int32_t ky = 0; ky < g->kernel_h; ky++, y += g->dilate_h) {
        const int inside = y >= 0 && y < g->height;
        const uint8_t *from = source + (inside ? y * row : 0);
        if (inside && g->dilate_w == 1 && x0 >= 0 && x0 + g->kernel_w <= g->width) {
            plain_copy_u8(to, from + x0 * channels, g->kernel_w * channels);
            to += g->kernel_w * channels;
            continue;
        }
        int32_t x = x0;
        for (int32_t kx = 0; kx < g->kernel_w; kx++, x += g->dilate_w, to += channels) {
            if (inside && x >= 0 && x < g->width) {
                plain_copy_u8(to, from + x * channels, channels);
            } else {
                memset(to, 0, (size_t)channels * sizeof *to);
            }
        }
    }
    return patch;
}

/* The same for the windows of output positions p and q, whose accumulators lie g->row apart. */
PLAIN_KERNEL void plain_dot2_u8_i8_i32_short(const plain_window_t *g, const uint8_t *source, int32_t p, int32_t q, uint8_t *patch, const int8_t *weights, int32_t length, int32_t *acc, int32_t scale)
{
    const uint8_t *a = plain_gather_u8(g, source, p, patch);
    const uint8_t *b = plain_gather_u8(g, source, q, patch + length);
    for (int32_t o = 0; o < g->out_channels; o += 2) {
        const int32_t second = plain_least(o + 1, g->out_channels - 1);
        const int8_t *w0 = weights + (size_t)(o) * (size_t)(length);
        const int8_t *w1 = weights + (size_t)(second) * (size_t)(length);
        int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
        int32_t i = 0;
#if defined(PLAIN_MVE)
        for (; i < length; i += 8) {
            const mve_pred16_t left = vctp16q((uint32_t)(length - i));
            const int16x8_t v0 = plain_eight_i8(w0 + i, left), v1 = plain_eight_i8(w1 + i, left);
            const int16x8_t ax = plain_eight_u8(a + i, left);
            a0 = vmladavaq_s16(a0, ax, v0);
            a1 = vmladavaq_s16(a1, ax, v1);
            const int16x8_t bx = plain_eight_u8(b + i, left);
            b0 = vmladavaq_s16(b0, bx, v0);
            b1 = vmladavaq_s16(b1, bx, v1);
        }
#elif defined(PLAIN_DSP)
        for (; i < (length & ~3); i += 4) {
            uint32_t w[2], ax[2], bx[2];
            plain_lanes_u8(a + i, ax);
            plain_lanes_u8(b + i, bx);
            plain_lanes_i8(w0 + i, w);
            a0 = plain_mac(ax[0], w[0], a0);
            a0 = plain_mac(ax[1], w[1], a0);
            b0 = plain_mac(bx[0], w[0], b0);
            b0 = plain_mac(bx[1], w[1], b0);
            plain_lanes_i8(w1 + i, w);
            a1 = plain_mac(ax[0], w[0], a1);
            a1 = plain_mac(ax[1], w[1], a1);
            b1 = plain_mac(bx[0], w[0], b1);
            b1 = plain_mac(bx[1], w[1], b1);
        }
#endif
        for (; i < length; i++) {
            a0 += (int32_t)a[i] * w0[i];
            a1 += (int32_t)a[i] * w1[i];
            b0 += (int32_t)b[i] * w0[i];
            b1 += (int32_t)b[i] * w1[i];
        }
        acc[o] += a0 * scale;
        acc[g->row + o] += b0 * scale;
        if (second != o) {
            acc[second] += a1 * scale;
            acc[g->row + second] += b1 * scale;
        }
    }
}

/* acc[o] += scale * (weights[o] . window), for one window: two outputs at a time. */
PLAIN_KERNEL void plain_dot1_u8_i8_i32(const plain_window_t *g, const uint8_t *a, const int8_t *weights, int32_t length, int32_t *acc, int32_t scale)
{
    for (int32_t o = 0; o < g->out_channels; o += 2) {
        const int32_t second = plain_least(o + 1, g->out_channels - 1);
        const int8_t *w0 = weights + (size_t)(o) * (size_t)(length);
        const int8_t *w1 = weights + (size_t)(second) * (size_t)(length);
        int32_t a0 = 0, a1 = 0;
        int32_t i = 0;
#if defined(PLAIN_MVE)
        for (; i < length; i += 8) {
            const mve_pred16_t left = vctp16q((uint32_t)(length - i));
            const int16x8_t v0 = plain_eight_i8(w0 + i, left), v1 = plain_eight_i8(w1 + i, left);
            const int16x8_t ax = plain_eight_u8(a + i, left);
            a0 = vmladavaq_s16(a0, ax, v0);
            a1 = vmladavaq_s16(a1, ax, v1);
        }
#elif defined(PLAIN_DSP)
        for (; i < (length & ~3); i += 4) {
            uint32_t w[2], ax[2];
            plain_lanes_u8(a + i, ax);
            plain_lanes_i8(w0 + i, w);
            a0 = plain_mac(ax[0], w[0], a0);
            a0 = plain_mac(ax[1], w[1], a0);
            plain_lanes_i8(w1 + i, w);
            a1 = plain_mac(ax[0], w[0], a1);
            a1 = plain_mac(ax[1], w[1], a1);
        }
#endif
        for (; i < length; i++) {
            a0 += (int32_t)a[i] * w0[i];
            a1 += (int32_t)a[i] * w1[i];
        }
        acc[o] += a0 * scale;
        if (second != o) {
            acc[second] += a1 * scale;
        }
    }
}

/* min(limit, floor(u / theta)), 0 where u is negative. */
static uint32_t plain_fire_i32(int32_t u, int32_t theta, uint32_t limit)
{
    if (u < theta) {
        return 0U;
    }
    const uint32_t n = (uint32_t)u / (uint32_t)theta;
    return n < limit ? (uint32_t)n : limit;
}

#endif
