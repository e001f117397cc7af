/* plain_kernels.h: the loops that plain.c is made of. Included by it alone. Written by snncc; do not edit. */
#ifndef PLAIN_KERNELS_H
#define PLAIN_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Functions that are faster alone than inside their caller, where they run out of registers. */
#ifdef __GNUC__
#define PLAIN_APART __attribute__((noinline))
#else
#define PLAIN_APART
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

/* Cortex-M4, M7, M33 and others with the DSP extension: two 16-bit products or sums per instruction, same results. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && defined(__ARMEL__) && !defined(PLAIN_NO_DSP)
#define PLAIN_DSP 1
#include <arm_acle.h>

static inline uint32_t plain_word(const void *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Four neighbours as two pairs: (0, 2) and (1, 3). */
static inline void plain_pairs_u8(const uint8_t *from, uint32_t *even, uint32_t *odd)
{
    const uint32_t word = plain_word(from);
    __asm__("uxtb16 %0, %1" : "=r"(*even) : "r"(word));
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(*odd) : "r"(word));
}

static inline void plain_pairs_i8(const int8_t *from, uint32_t *even, uint32_t *odd)
{
    const uint32_t word = plain_word(from);
    __asm__("sxtb16 %0, %1" : "=r"(*even) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(*odd) : "r"(word));
}

static inline void plain_pairs_i16(const void *from, uint32_t *even, uint32_t *odd)
{
    const uint32_t first = plain_word(from), second = plain_word((const int16_t *)from + 2);
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(*even) : "r"(first), "r"(second));
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(*odd) : "r"(first), "r"(second));
}

static inline int32_t plain_mac(uint32_t a, uint32_t b, int32_t sum)
{
    return __smlad((int16x2_t)a, (int16x2_t)b, sum);
}
#endif

/* Where channel c of a 16-bit potential lies: in groups of four as 0 2 1 3 under DSP. Its own inverse. */
#ifdef PLAIN_DSP
#define PLAIN_LANE(c) (((c) & ~3) | (((c) & 1) << 1) | (((c) >> 1) & 1))
#else
#define PLAIN_LANE(c) (c)
#endif

/* acc[o] += scale * (weights[o] . window), for one window: two outputs at a time. */
static void plain_dot1_u8_i8_i32(const plain_window_t *g, const uint8_t *a, const int8_t *weights, int32_t length, int32_t *acc, int32_t scale)
{
    const int32_t outputs = g->out_channels;
    for (int32_t o = 0; o < outputs; o += 2) {
        const int32_t second = plain_least(o + 1, outputs - 1);
        const int8_t *w0 = weights + (size_t)(o) * (size_t)(length);
        const int8_t *w1 = weights + (size_t)(second) * (size_t)(length);
        int32_t s0 = 0, s1 = 0;
        int32_t i = 0;
#ifdef PLAIN_DSP
        for (; i < (length & ~3); i += 4) {
            uint32_t ae, ao, we, wo;
            plain_pairs_u8(a + i, &ae, &ao);
            plain_pairs_i8(w0 + i, &we, &wo);
            s0 = plain_mac(ao, wo, plain_mac(ae, we, s0));
            plain_pairs_i8(w1 + i, &we, &wo);
            s1 = plain_mac(ao, wo, plain_mac(ae, we, s1));
        }
#endif
        for (; i < length; i++) {
            s0 += (int32_t)a[i] * w0[i];
            s1 += (int32_t)a[i] * w1[i];
        }
        acc[o] += s0 * scale;
        if (second != o) {
            acc[second] += s1 * scale;
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
static void plain_spread_tap_i8_i16(const plain_window_t *g, const int8_t *weights, int16_t *v, int32_t p, int32_t c, int32_t first, int32_t scale)
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
