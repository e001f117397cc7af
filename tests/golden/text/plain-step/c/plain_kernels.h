/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: step, T <= 8, 8-bit weights, rate input of 8 bits, network 4d59b2955ae66301. */
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

/* The outputs along one axis whose windows hold coordinate `at`: [first, last]. */
static inline int32_t plain_first_window(int32_t at, int32_t pad, int32_t reach, int32_t stride)
{
    return plain_most(0, (at + pad - reach + stride) / stride);
}

static inline int32_t plain_last_window(int32_t at, int32_t pad, int32_t stride, int32_t count)
{
    return plain_least((at + pad) / stride, count - 1);
}

/* A spike at (p, c) of any window: per output that sees it, `multiplier` weights. */
PLAIN_HOT_SECTION static void plain_spread_tap_i8_i16(const plain_window_t *g, const int8_t *weights, int16_t *v, int32_t p, int32_t c, int32_t first, int32_t scale)
{
    const int32_t y = p / g->width, x = p % g->width, n = g->multiplier;
    const int32_t last_y = plain_last_window(y, g->top, g->stride_h, g->out_h);
    const int32_t last_x = plain_last_window(x, g->left, g->stride_w, g->out_w);
    const int32_t first_x = plain_first_window(x, g->left, (g->kernel_w - 1) * g->dilate_w + 1, g->stride_w);
    int32_t oy = plain_first_window(y, g->top, (g->kernel_h - 1) * g->dilate_h + 1, g->stride_h);
    for (; oy <= last_y; oy++) {
        const int32_t dy = y + g->top - oy * g->stride_h, ky = dy / g->dilate_h;
        if (ky * g->dilate_h != dy) {
            continue;
        }
        for (int32_t ox = first_x; ox <= last_x; ox++) {
            const int32_t dx = x + g->left - ox * g->stride_w, kx = dx / g->dilate_w;
            if (kx * g->dilate_w != dx) {
                continue;
            }
            const int8_t *w = weights + (size_t)((c * g->kernel_h + ky) * g->kernel_w + kx) * (size_t)(n);
            int16_t *to = v + (oy * g->out_w + ox) * g->row;
            for (int32_t m = 0; m < n; m++) {
                int16_t *at = to + first + m;
                *at = (int16_t)(*at + w[m] * scale);
            }
        }
    }
}

#endif
