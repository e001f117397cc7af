/* residual_kernels.h: the loops that residual.c is made of. Included by it alone. Written by snncc; do not edit. */
#ifndef RESIDUAL_KERNELS_H
#define RESIDUAL_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Functions that are faster alone than inside their caller, where they run out of registers. */
#ifdef __GNUC__
#define RESIDUAL_APART __attribute__((noinline))
#else
#define RESIDUAL_APART
#endif

/* A window over a source map: sizes in elements; `first`, `row`: where its outputs go among a neuron row. */
typedef struct {
    int16_t height, width, channels, kernel_h, kernel_w, stride_h, stride_w, dilate_h, dilate_w;
    int16_t top, left, out_h, out_w, out_channels, multiplier, first, row, gathers;
} residual_window_t;

static inline int32_t residual_most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int32_t residual_least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Cortex-M4, M7, M33 and others with the DSP extension: two 16-bit products or sums per instruction, same results. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && defined(__ARMEL__) && !defined(RESIDUAL_NO_DSP)
#define RESIDUAL_DSP 1
#include <arm_acle.h>

static inline uint32_t residual_word(const void *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Four neighbours as two pairs: (0, 2) and (1, 3). */
static inline void residual_pairs_u8(const uint8_t *from, uint32_t *even, uint32_t *odd)
{
    const uint32_t word = residual_word(from);
    __asm__("uxtb16 %0, %1" : "=r"(*even) : "r"(word));
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(*odd) : "r"(word));
}

static inline void residual_pairs_i8(const int8_t *from, uint32_t *even, uint32_t *odd)
{
    const uint32_t word = residual_word(from);
    __asm__("sxtb16 %0, %1" : "=r"(*even) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(*odd) : "r"(word));
}

static inline void residual_pairs_i16(const void *from, uint32_t *even, uint32_t *odd)
{
    const uint32_t first = residual_word(from), second = residual_word((const int16_t *)from + 2);
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(*even) : "r"(first), "r"(second));
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(*odd) : "r"(first), "r"(second));
}

static inline int32_t residual_mac(uint32_t a, uint32_t b, int32_t sum)
{
    return __smlad((int16x2_t)a, (int16x2_t)b, sum);
}
#endif

/* Where channel c of a 16-bit potential lies: in groups of four as 0 2 1 3 under DSP. Its own inverse. */
#ifdef RESIDUAL_DSP
#define RESIDUAL_LANE(c) (((c) & ~3) | (((c) & 1) << 1) | (((c) >> 1) & 1))
#else
#define RESIDUAL_LANE(c) (c)
#endif

static void residual_copy_u8(uint8_t *to, const uint8_t *from, int32_t n)
{
#ifdef RESIDUAL_DSP
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
static const uint8_t *residual_gather_u8(const residual_window_t *g, const uint8_t *source, int32_t p, uint8_t *patch)
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
            residual_copy_u8(to, from + x0 * channels, g->kernel_w * channels);
            to += g->kernel_w * channels;
            continue;
        }
        int32_t x = x0;
        for (int32_t kx = 0; kx < g->kernel_w; kx++, x += g->dilate_w, to += channels) {
            if (inside && x >= 0 && x < g->width) {
                residual_copy_u8(to, from + x * channels, channels);
            } else {
                memset(to, 0, (size_t)channels * sizeof *to);
            }
        }
    }
    return patch;
}

/* acc[o] += scale * (weights[o] . window), for one window: two outputs at a time. */
static void residual_dot1_u8_i8_i32(const residual_window_t *g, const uint8_t *a, const int8_t *weights, int32_t length, int32_t *acc, int32_t scale)
{
    const int32_t outputs = g->out_channels;
    for (int32_t o = 0; o < outputs; o += 2) {
        const int32_t second = residual_least(o + 1, outputs - 1);
        const int8_t *w0 = weights + (size_t)(o) * (size_t)(length);
        const int8_t *w1 = weights + (size_t)(second) * (size_t)(length);
        int32_t s0 = 0, s1 = 0;
        int32_t i = 0;
#ifdef RESIDUAL_DSP
        for (; i < (length & ~3); i += 4) {
            uint32_t ae, ao, we, wo;
            residual_pairs_u8(a + i, &ae, &ao);
            residual_pairs_i8(w0 + i, &we, &wo);
            s0 = residual_mac(ao, wo, residual_mac(ae, we, s0));
            residual_pairs_i8(w1 + i, &we, &wo);
            s1 = residual_mac(ao, wo, residual_mac(ae, we, s1));
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

/* The same for two windows a and b, whose accumulators lie g->row apart. */
static void residual_dot2_u8_i8_i32(const residual_window_t *g, const uint8_t *a, const uint8_t *b, const int8_t *weights, int32_t length, int32_t *acc, int32_t scale)
{
    const int32_t outputs = g->out_channels, next = g->row;
    for (int32_t o = 0; o < outputs; o += 2) {
        const int32_t second = residual_least(o + 1, outputs - 1);
        const int8_t *w0 = weights + (size_t)(o) * (size_t)(length);
        const int8_t *w1 = weights + (size_t)(second) * (size_t)(length);
        int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
        int32_t i = 0;
#ifdef RESIDUAL_DSP
        for (; i < (length & ~3); i += 4) {
            uint32_t ae, ao, be, bo, we, wo;
            residual_pairs_u8(a + i, &ae, &ao);
            residual_pairs_u8(b + i, &be, &bo);
            residual_pairs_i8(w0 + i, &we, &wo);
            a0 = residual_mac(ao, wo, residual_mac(ae, we, a0));
            b0 = residual_mac(bo, wo, residual_mac(be, we, b0));
            residual_pairs_i8(w1 + i, &we, &wo);
            a1 = residual_mac(ao, wo, residual_mac(ae, we, a1));
            b1 = residual_mac(bo, wo, residual_mac(be, we, b1));
        }
#endif
        for (; i < length; i++) {
            a0 += (int32_t)a[i] * w0[i];
            a1 += (int32_t)a[i] * w1[i];
            b0 += (int32_t)b[i] * w0[i];
            b1 += (int32_t)b[i] * w1[i];
        }
        acc[o] += a0 * scale;
        acc[next + o] += b0 * scale;
        if (second != o) {
            acc[second] += a1 * scale;
            acc[next + second] += b1 * scale;
        }
    }
}

/* Depthwise: acc[c*M + m] += scale * sum over the window's real taps of x[c] * w[c*M + m]. */
static void residual_taps_u8_i8_i32(const residual_window_t *g, const uint8_t *source, const int8_t *weights, int32_t p, int32_t *acc, int32_t scale)
{
    const int32_t outputs = g->out_channels, multiplier = g->multiplier;
    const int32_t oy = p / g->out_w, ox = p - oy * g->out_w;
    for (int32_t ky = 0; ky < g->kernel_h; ky++) {
        const int32_t y = oy * g->stride_h - g->top + ky * g->dilate_h;
        for (int32_t kx = 0; kx < g->kernel_w; kx++) {
            const int32_t x = ox * g->stride_w - g->left + kx * g->dilate_w;
            if (y < 0 || y >= g->height || x < 0 || x >= g->width) {
                continue;
            }
            const uint8_t *a = source + (y * g->width + x) * g->channels;
            const int8_t *w = weights + (size_t)(ky * g->kernel_w + kx) * (size_t)(outputs);
            if (multiplier == 1) {
                for (int32_t o = 0; o < outputs; o++) {
                    acc[o] += (int32_t)a[o] * w[o] * scale;
                }
                continue;
            }
            for (int32_t o = 0; o < outputs; a++) {
                for (int32_t m = 0; m < multiplier; m++, o++) {
                    acc[o] += (int32_t)*a * w[o] * scale;
                }
            }
        }
    }
}

/* acc[c] += scale * sum over the window's real elements. */
static void residual_pool_u8_i32(const residual_window_t *g, const uint8_t *source, int32_t p, int32_t *acc, int32_t scale)
{
    const int32_t channels = g->channels;
    const int32_t oy = p / g->out_w, y0 = oy * g->stride_h - g->top, x0 = (p - oy * g->out_w) * g->stride_w - g->left;
    const int32_t first = residual_most(0, x0), last = residual_least(g->width, x0 + g->kernel_w);
    const int32_t end = residual_least(g->height, y0 + g->kernel_h);
    for (int32_t y = residual_most(0, y0); y < end; y++) {
        const uint8_t *a = source + (y * g->width + first) * channels;
        for (int32_t x = first; x < last; x++) {
            for (int32_t c = 0; c < channels; c++) {
                acc[c] += ((int32_t)*a++) * scale;
            }
        }
    }
}

/* min(limit, floor(u / theta)), 0 where u is negative. */
static uint32_t residual_fire_i32(int32_t u, int32_t theta, uint32_t limit)
{
    if (u < theta) {
        return 0U;
    }
    const uint32_t n = (uint32_t)u / (uint32_t)theta;
    return n < limit ? (uint32_t)n : limit;
}

#endif
