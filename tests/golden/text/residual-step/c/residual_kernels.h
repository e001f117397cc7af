/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: step, T <= 6, 5-bit weights, current input of 8 bits, network 93473aa79bf26a2b. */
/* residual_kernels.h: the loops that residual.c is made of. Included by it alone. Written by snncc; do not edit. */
#ifndef RESIDUAL_KERNELS_H
#define RESIDUAL_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Functions that are faster alone than inside their caller, where they run out of registers. */
#ifdef __GNUC__
#define RESIDUAL_APART __attribute__((noinline))
#define RESIDUAL_UNUSED __attribute__((unused)) /* on some processors */
#define RESIDUAL_REUSE() __asm__ volatile("" : : : "memory") /* from here on buffers lie where others of other types lay */
#else
#define RESIDUAL_APART
#define RESIDUAL_UNUSED
#define RESIDUAL_REUSE() ((void)0)
#endif

/* What a pointer to the tables points to. On AVR flash is an address space of its own, __flash in GNU C. */
#if defined(__AVR__) && !defined(__AVR_TINY__)
#if !defined(__FLASH) || defined(__STRICT_ANSI__)
#error "on AVR the tables lie in __flash, which is GNU C: compile with avr-gcc and -std=gnu99 or later"
#endif
#define RESIDUAL_ROM const __flash
#else
#define RESIDUAL_ROM const
#endif

/* Where the loops lie: -D'RESIDUAL_HOT_SECTION=__attribute__((section(".itcm")))' moves them. */
#ifndef RESIDUAL_HOT_SECTION
#define RESIDUAL_HOT_SECTION
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

/* A function of its own, which no optimisation level copies into its callers: their loops then keep the registers. */
#if defined(__GNUC__)
#define RESIDUAL_KERNEL RESIDUAL_HOT_SECTION static __attribute__((noinline, unused))
#else
#define RESIDUAL_KERNEL RESIDUAL_HOT_SECTION static
#endif

/* Cortex-M4, M7, M33 and others with the DSP extension and unaligned access: two 16-bit products or sums per
   instruction, same results. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && defined(__ARM_FEATURE_UNALIGNED) && defined(__ARMEL__) && !defined(RESIDUAL_NO_DSP)
#define RESIDUAL_DSP 1
#include <arm_acle.h>
#define RESIDUAL_INLINE static inline __attribute__((always_inline))

RESIDUAL_INLINE uint32_t residual_word(const void *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Lanes: four neighbours as two pairs of 16 bits, (0, 2) and (1, 3). */
RESIDUAL_INLINE void residual_lanes_u8(const void *from, uint32_t *lanes)
{
    const uint32_t word = residual_word(from);
    __asm__("uxtb16 %0, %1" : "=r"(lanes[0]) : "r"(word));
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(lanes[1]) : "r"(word));
}

RESIDUAL_INLINE void residual_lanes_i8(const void *from, uint32_t *lanes)
{
    const uint32_t word = residual_word(from);
    __asm__("sxtb16 %0, %1" : "=r"(lanes[0]) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(lanes[1]) : "r"(word));
}

RESIDUAL_INLINE void residual_lanes_i16(const void *from, uint32_t *lanes)
{
    const uint32_t first = residual_word(from), second = residual_word((const int16_t *)from + 2);
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(lanes[0]) : "r"(first), "r"(second));
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(lanes[1]) : "r"(first), "r"(second));
}

/* The next two words, which lie aligned. */
RESIDUAL_INLINE void residual_take(const uint32_t **from, uint32_t *to)
{
    __asm__ volatile("ldrd %0, %1, [%2], #8" : "=&r"(to[0]), "=&r"(to[1]), "+&r"(*from) : : "memory");
}

RESIDUAL_INLINE int32_t residual_mac(uint32_t a, uint32_t b, int32_t sum)
{
    return __smlad((int16x2_t)a, (int16x2_t)b, sum);
}
#endif

/* Cortex-M55, M85 with Helium: eight 16-bit products per instruction, same results. */
#if defined(RESIDUAL_DSP) && defined(__ARM_FEATURE_MVE) && !defined(RESIDUAL_NO_MVE)
#define RESIDUAL_MVE 1
#include <arm_mve.h>

/* The next eight elements as 16 bits, zeros where fewer are `left`. */
RESIDUAL_INLINE int16x8_t residual_eight_u8(const uint8_t *from, mve_pred16_t left)
{
    return vreinterpretq_s16_u16(vldrbq_z_u16(from, left));
}

RESIDUAL_INLINE int16x8_t residual_eight_i8(const int8_t *from, mve_pred16_t left)
{
    return vldrbq_z_s16(from, left);
}

RESIDUAL_INLINE int16x8_t residual_eight_u16(const uint16_t *from, mve_pred16_t left)
{
    return vreinterpretq_s16_u16(vldrhq_z_u16(from, left));
}

RESIDUAL_INLINE int16x8_t residual_eight_i16(const int16_t *from, mve_pred16_t left)
{
    return vldrhq_z_s16(from, left);
}
#endif

/* Where channel c of a 16-bit potential lies: in groups of four as 0 2 1 3 under DSP. Its own inverse. */
#ifdef RESIDUAL_DSP
#define RESIDUAL_LANE(c) (((c) & ~3) | (((c) & 1) << 1) | (((c) >> 1) & 1))
#else
#define RESIDUAL_LANE(c) (c)
#endif

RESIDUAL_HOT_SECTION static inline void residual_copy_u8_short(uint8_t *to, const uint8_t *from, int32_t n)
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
RESIDUAL_HOT_SECTION static inline const uint8_t *residual_gather_u8_short(RESIDUAL_ROM residual_window_t *g, const uint8_t *source, int32_t p, uint8_t *patch)
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
            residual_copy_u8_short(to, from + x0 * channels, g->kernel_w * channels);
            to += g->kernel_w * channels;
            continue;
        }
        int32_t x = x0;
        for (int32_t kx = 0; kx < g->kernel_w; kx++, x += g->dilate_w, to += channels) {
            if (inside && x >= 0 && x < g->width) {
                residual_copy_u8_short(to, from + x * channels, channels);
            } else {
                memset(to, 0, (size_t)channels * sizeof *to);
            }
        }
    }
    return patch;
}

RESIDUAL_KERNEL void residual_copy_u8(uint8_t *to, const uint8_t *from, int32_t n)
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
RESIDUAL_KERNEL const uint8_t *residual_gather_u8(RESIDUAL_ROM residual_window_t *g, const uint8_t *source, int32_t p, uint8_t *patch)
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

/* The same for the windows of output positions p and q, whose accumulators lie g->row apart. */
RESIDUAL_KERNEL void residual_dot2_u8_i8_i32_short(RESIDUAL_ROM residual_window_t *g, const uint8_t *source, int32_t p, int32_t q, uint8_t *patch, RESIDUAL_ROM int8_t *weights, int32_t length, int32_t *acc, int32_t scale)
{
    const uint8_t *a = residual_gather_u8_short(g, source, p, patch);
    const uint8_t *b = residual_gather_u8_short(g, source, q, patch + length);
    for (int32_t o = 0; o < g->out_channels; o += 2) {
        const int32_t second = residual_least(o + 1, g->out_channels - 1);
        RESIDUAL_ROM int8_t *w0 = weights + (size_t)(o) * (size_t)(length);
        RESIDUAL_ROM int8_t *w1 = weights + (size_t)(second) * (size_t)(length);
        int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
        int32_t i = 0;
#if defined(RESIDUAL_MVE)
        for (; i < length; i += 8) {
            const mve_pred16_t left = vctp16q((uint32_t)(length - i));
            const int16x8_t v0 = residual_eight_i8(w0 + i, left), v1 = residual_eight_i8(w1 + i, left);
            const int16x8_t ax = residual_eight_u8(a + i, left);
            a0 = vmladavaq_s16(a0, ax, v0);
            a1 = vmladavaq_s16(a1, ax, v1);
            const int16x8_t bx = residual_eight_u8(b + i, left);
            b0 = vmladavaq_s16(b0, bx, v0);
            b1 = vmladavaq_s16(b1, bx, v1);
        }
#elif defined(RESIDUAL_DSP)
        for (; i < (length & ~3); i += 4) {
            uint32_t w[2], ax[2], bx[2];
            residual_lanes_u8(a + i, ax);
            residual_lanes_u8(b + i, bx);
            residual_lanes_i8(w0 + i, w);
            a0 = residual_mac(ax[0], w[0], a0);
            a0 = residual_mac(ax[1], w[1], a0);
            b0 = residual_mac(bx[0], w[0], b0);
            b0 = residual_mac(bx[1], w[1], b0);
            residual_lanes_i8(w1 + i, w);
            a1 = residual_mac(ax[0], w[0], a1);
            a1 = residual_mac(ax[1], w[1], a1);
            b1 = residual_mac(bx[0], w[0], b1);
            b1 = residual_mac(bx[1], w[1], b1);
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

/* Processors of hosts: AVX2, AVX-VNNI, AVX-512 VNNI, and NEON with its dot products; same results.
 * -DRESIDUAL_NO_HOST leaves them out. */
#if !defined(RESIDUAL_NO_HOST) && defined(__AVX2__)
#define RESIDUAL_HOST 1
#include <immintrin.h>

/* RESIDUAL_BYTES, _WORDS: elements that one step takes of rows of bytes, and of rows widened to 16 bits. */
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define RESIDUAL_TOGETHER 4
#define RESIDUAL_BYTES 64
#define RESIDUAL_WORDS 32
#define RESIDUAL_VEX ""
typedef __m512i residual_vec_t, residual_bytes_t, residual_words_t;
#define RESIDUAL_ZERO() _mm512_setzero_si512()
#define RESIDUAL_LOAD(from) _mm512_loadu_si512(from)
#define RESIDUAL_WIDE_u8(from) _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(from)))
#define RESIDUAL_WIDE_i8(from) _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(from)))
#define RESIDUAL_WIDE_i16(from) _mm512_loadu_si512(from)
#define RESIDUAL_MAC_MIXED(sum, x, w) residual_vpdpbusd(sum, x, w)
#define RESIDUAL_MAC_WIDE(sum, x, w) residual_vpdpwssd(sum, x, w)
#else
#define RESIDUAL_TOGETHER 2
#define RESIDUAL_BYTES 32
#define RESIDUAL_WORDS 16
typedef __m256i residual_vec_t, residual_bytes_t, residual_words_t;
#define RESIDUAL_ZERO() _mm256_setzero_si256()
#define RESIDUAL_LOAD(from) _mm256_loadu_si256((const __m256i *)(const void *)(from))
#define RESIDUAL_WIDE_u8(from) _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(from)))
#define RESIDUAL_WIDE_i8(from) _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(from)))
#define RESIDUAL_WIDE_i16(from) RESIDUAL_LOAD(from)
#define RESIDUAL_MAC_WIDE(sum, x, w) _mm256_add_epi32(sum, _mm256_madd_epi16(x, w))
#ifdef __AVXVNNI__
#define RESIDUAL_VEX "%{vex%} "
#define RESIDUAL_MAC_MIXED(sum, x, w) residual_vpdpbusd(sum, x, w)
#else
#define RESIDUAL_MAC_PAIRS(sum, x, w) RESIDUAL_MAC_WIDE(sum, _mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1))
#endif
#endif

#ifdef RESIDUAL_VEX
static inline residual_vec_t residual_vpdpbusd(residual_vec_t sum, residual_vec_t x, residual_vec_t w)
{
    __asm__(RESIDUAL_VEX "vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "vm"(w)); /* the intrinsic copies sums to and fro in GCC 12 */
    return sum;
}
static inline residual_vec_t residual_vpdpwssd(residual_vec_t sum, residual_vec_t x, residual_vec_t w)
{
    __asm__(RESIDUAL_VEX "vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(x), "vm"(w)); /* the intrinsic copies sums to and fro in GCC 12 */
    return sum;
}
#endif

/* acc[0..3] += scale * the sums of the elements of a, b, c and d. */
static inline void residual_put(residual_vec_t a, residual_vec_t b, residual_vec_t c, residual_vec_t d, int32_t *acc, int32_t scale)
{
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
    const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    const __m512i four = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    const __m256i two = _mm256_add_epi32(_mm512_castsi512_si256(four), _mm512_extracti64x4_epi64(four, 1));
#else
    const __m256i two = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
#endif
    const __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
    const __m128i before = _mm_loadu_si128((const __m128i *)(const void *)acc);
    _mm_storeu_si128((__m128i *)(void *)acc, _mm_add_epi32(before, _mm_mullo_epi32(sums, _mm_set1_epi32(scale))));
}
#elif !defined(RESIDUAL_NO_HOST) && defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define RESIDUAL_HOST 1
#include <arm_neon.h>

#define RESIDUAL_TOGETHER 4
#define RESIDUAL_BYTES 16
#define RESIDUAL_WORDS 8
typedef int32x4_t residual_vec_t;
typedef int8x16_t residual_bytes_t;
typedef int16x8_t residual_words_t;
#define RESIDUAL_ZERO() vdupq_n_s32(0)
#define RESIDUAL_LOAD(from) vld1q_s8((const int8_t *)(from))
#define RESIDUAL_WIDE_u8(from) vreinterpretq_s16_u16(vmovl_u8(vld1_u8(from)))
#define RESIDUAL_WIDE_i8(from) vmovl_s8(vld1_s8(from))
#define RESIDUAL_WIDE_i16(from) vld1q_s16((const int16_t *)(from))
#define RESIDUAL_MAC_WIDE(sum, x, w) vmlal_high_s16(vmlal_s16(sum, vget_low_s16(x), vget_low_s16(w)), x, w)
#define RESIDUAL_MAC_SIGNED(sum, x, w) vdotq_s32(sum, x, w)
#ifdef __ARM_FEATURE_MATMUL_INT8
#define RESIDUAL_MAC_MIXED(sum, x, w) vusdotq_s32(sum, vreinterpretq_u8_s8(x), w)
#endif

/* acc[0..3] += scale * the sums of the elements of a, b, c and d. */
static inline void residual_put(residual_vec_t a, residual_vec_t b, residual_vec_t c, residual_vec_t d, int32_t *acc, int32_t scale)
{
    const int32x4_t sums = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
    vst1q_s32(acc, vmlaq_n_s32(vld1q_s32(acc), sums, scale));
}
#endif
#ifdef RESIDUAL_HOST
#if defined(__GNUC__)
#define RESIDUAL_ALIGNED __attribute__((aligned(64)))
#define RESIDUAL_AHEAD(from) __builtin_prefetch(from)
#else
#define RESIDUAL_ALIGNED
#define RESIDUAL_AHEAD(from) ((void)0)
#endif

#if defined(RESIDUAL_MAC_MIXED) || defined(RESIDUAL_MAC_PAIRS)
#define RESIDUAL_STEP RESIDUAL_BYTES
#define RESIDUAL_ROW residual_bytes_t
#define RESIDUAL_X(from) RESIDUAL_LOAD(from)
#define RESIDUAL_W(from) RESIDUAL_LOAD(from)
#if defined(RESIDUAL_MAC_MIXED)
#define RESIDUAL_MAC RESIDUAL_MAC_MIXED
#elif defined(RESIDUAL_MAC_PAIRS)
#define RESIDUAL_MAC RESIDUAL_MAC_PAIRS
#endif
#else
#define RESIDUAL_STEP RESIDUAL_WORDS
#define RESIDUAL_ROW residual_words_t
#define RESIDUAL_X(from) RESIDUAL_WIDE_u8(from)
#define RESIDUAL_W(from) RESIDUAL_WIDE_i8(from)
#define RESIDUAL_MAC RESIDUAL_MAC_WIDE
#endif

/* acc[q*row + o] += scale * (weights[o] . window of position p + q), q < n <= 16, a row of acc being full fours.
 * What fills a window up to whole steps is 0; weights are read on beyond a row as far: into the next one, or the hash. */
RESIDUAL_KERNEL void residual_host_dot_u8_i8_mixed_pairs(const residual_window_t *g, const uint8_t *source, int32_t p, int32_t n, uint8_t *patch, const int8_t *weights, int32_t length, int32_t *acc, int32_t row, int32_t scale)
{
    const uint8_t *at[16];
    const int32_t stride = (length + 63) & ~63, last = g->out_channels - 1;
    if (length < stride && stride <= 512) { /* short rows at once */
        memset(patch, 0, (size_t)(n * stride) * sizeof *patch);
    }
    for (int32_t q = 0; q < n; q++) {
        uint8_t *to = patch + q * stride;
        at[q] = residual_gather_u8(g, source, p + q, to);
        if (at[q] != to && length % RESIDUAL_STEP != 0) {
            memcpy(to, at[q], (size_t)length * sizeof *to);
            at[q] = to;
        }
        if (at[q] == to && stride > 512) {
            memset(to + length, 0, (size_t)(stride - length) * sizeof *to);
        }
    }
    for (int32_t o = 0; o <= last; o += 4) {
        const int8_t *w0 = weights + (size_t)o * (size_t)length;
        const int8_t *w1 = weights + (size_t)residual_least(o + 1, last) * (size_t)length;
        const int8_t *w2 = weights + (size_t)residual_least(o + 2, last) * (size_t)length;
        const int8_t *w3 = weights + (size_t)residual_least(o + 3, last) * (size_t)length;
        int32_t q = 0;
#if RESIDUAL_TOGETHER == 4
        for (; q < (n & ~3); q += 4) {
            const uint8_t *a = at[q];
            const uint8_t *b = at[q + 1];
            const uint8_t *c = at[q + 2];
            const uint8_t *d = at[q + 3];
            residual_vec_t a0 = RESIDUAL_ZERO(), a1 = RESIDUAL_ZERO(), a2 = RESIDUAL_ZERO(), a3 = RESIDUAL_ZERO();
            residual_vec_t b0 = RESIDUAL_ZERO(), b1 = RESIDUAL_ZERO(), b2 = RESIDUAL_ZERO(), b3 = RESIDUAL_ZERO();
            residual_vec_t c0 = RESIDUAL_ZERO(), c1 = RESIDUAL_ZERO(), c2 = RESIDUAL_ZERO(), c3 = RESIDUAL_ZERO();
            residual_vec_t d0 = RESIDUAL_ZERO(), d1 = RESIDUAL_ZERO(), d2 = RESIDUAL_ZERO(), d3 = RESIDUAL_ZERO();
            for (int32_t i = 0; i < length; i += RESIDUAL_STEP) {
                const RESIDUAL_ROW ax = RESIDUAL_X(a + i), bx = RESIDUAL_X(b + i), cx = RESIDUAL_X(c + i), dx = RESIDUAL_X(d + i);
                RESIDUAL_ROW w;
                w = RESIDUAL_W(w0 + i);
                a0 = RESIDUAL_MAC(a0, ax, w);
                b0 = RESIDUAL_MAC(b0, bx, w);
                c0 = RESIDUAL_MAC(c0, cx, w);
                d0 = RESIDUAL_MAC(d0, dx, w);
                w = RESIDUAL_W(w1 + i);
                a1 = RESIDUAL_MAC(a1, ax, w);
                b1 = RESIDUAL_MAC(b1, bx, w);
                c1 = RESIDUAL_MAC(c1, cx, w);
                d1 = RESIDUAL_MAC(d1, dx, w);
                w = RESIDUAL_W(w2 + i);
                a2 = RESIDUAL_MAC(a2, ax, w);
                b2 = RESIDUAL_MAC(b2, bx, w);
                c2 = RESIDUAL_MAC(c2, cx, w);
                d2 = RESIDUAL_MAC(d2, dx, w);
                w = RESIDUAL_W(w3 + i);
                a3 = RESIDUAL_MAC(a3, ax, w);
                b3 = RESIDUAL_MAC(b3, bx, w);
                c3 = RESIDUAL_MAC(c3, cx, w);
                d3 = RESIDUAL_MAC(d3, dx, w);
            }
            residual_put(a0, a1, a2, a3, acc + q * row + o, scale);
            residual_put(b0, b1, b2, b3, acc + (q + 1) * row + o, scale);
            residual_put(c0, c1, c2, c3, acc + (q + 2) * row + o, scale);
            residual_put(d0, d1, d2, d3, acc + (q + 3) * row + o, scale);
        }
#else
        for (; q < (n & ~1); q += 2) {
            const uint8_t *a = at[q];
            const uint8_t *b = at[q + 1];
            residual_vec_t a0 = RESIDUAL_ZERO(), a1 = RESIDUAL_ZERO(), a2 = RESIDUAL_ZERO(), a3 = RESIDUAL_ZERO();
            residual_vec_t b0 = RESIDUAL_ZERO(), b1 = RESIDUAL_ZERO(), b2 = RESIDUAL_ZERO(), b3 = RESIDUAL_ZERO();
            for (int32_t i = 0; i < length; i += RESIDUAL_STEP) {
                const RESIDUAL_ROW ax = RESIDUAL_X(a + i), bx = RESIDUAL_X(b + i);
                RESIDUAL_ROW w;
                w = RESIDUAL_W(w0 + i);
                a0 = RESIDUAL_MAC(a0, ax, w);
                b0 = RESIDUAL_MAC(b0, bx, w);
                w = RESIDUAL_W(w1 + i);
                a1 = RESIDUAL_MAC(a1, ax, w);
                b1 = RESIDUAL_MAC(b1, bx, w);
                w = RESIDUAL_W(w2 + i);
                a2 = RESIDUAL_MAC(a2, ax, w);
                b2 = RESIDUAL_MAC(b2, bx, w);
                w = RESIDUAL_W(w3 + i);
                a3 = RESIDUAL_MAC(a3, ax, w);
                b3 = RESIDUAL_MAC(b3, bx, w);
            }
            residual_put(a0, a1, a2, a3, acc + q * row + o, scale);
            residual_put(b0, b1, b2, b3, acc + (q + 1) * row + o, scale);
        }
#endif
        for (; q < n; q++) {
            const uint8_t *a = at[q];
            residual_vec_t a0 = RESIDUAL_ZERO(), a1 = RESIDUAL_ZERO(), a2 = RESIDUAL_ZERO(), a3 = RESIDUAL_ZERO();
            for (int32_t i = 0; i < length; i += RESIDUAL_STEP) {
                const RESIDUAL_ROW ax = RESIDUAL_X(a + i);
                RESIDUAL_ROW w;
                w = RESIDUAL_W(w0 + i);
                a0 = RESIDUAL_MAC(a0, ax, w);
                w = RESIDUAL_W(w1 + i);
                a1 = RESIDUAL_MAC(a1, ax, w);
                w = RESIDUAL_W(w2 + i);
                a2 = RESIDUAL_MAC(a2, ax, w);
                w = RESIDUAL_W(w3 + i);
                a3 = RESIDUAL_MAC(a3, ax, w);
            }
            residual_put(a0, a1, a2, a3, acc + q * row + o, scale);
        }
    }
}
#undef RESIDUAL_STEP
#undef RESIDUAL_ROW
#undef RESIDUAL_X
#undef RESIDUAL_W
#undef RESIDUAL_MAC
#endif

/* The outputs along one axis whose windows hold coordinate `at`: [first, last]. */
static inline int32_t residual_first_window(int32_t at, int32_t pad, int32_t reach, int32_t stride)
{
    return residual_most(0, (at + pad - reach + stride) / stride);
}

static inline int32_t residual_last_window(int32_t at, int32_t pad, int32_t stride, int32_t count)
{
    return residual_least((at + pad) / stride, count - 1);
}

/* v[i] += scale * w[i], scale a power of two. */
RESIDUAL_HOT_SECTION static void residual_add_l16_i8(int16_t *v, RESIDUAL_ROM int8_t *w, int32_t n, int32_t scale)
{
    int32_t i = 0;
#ifdef RESIDUAL_DSP
    const uint32_t shift = (uint32_t)__builtin_ctz((uint32_t)scale);
    const uint32_t spill = ((uint32_t)scale - 1U) << 16; /* what a shift carries from the lower lane into the upper */
    if (scale == 1) {
        for (; i < (n & ~7); i += 8) {
            uint32_t first, second;
            __asm__ volatile(
                "ldr %[a], [%[w]], #4\n\tldr %[b], [%[w]], #4\n\tldmia %[v], {r4, r5, r8, r10}\n\t"
                "sxtb16 r3, %[a]\n\tsxtb16 %[a], %[a], ror #8\n\tsadd16 r4, r4, r3\n\tsadd16 r5, r5, %[a]\n\t"
                "sxtb16 r3, %[b]\n\tsxtb16 %[b], %[b], ror #8\n\tsadd16 r8, r8, r3\n\tsadd16 r10, r10, %[b]\n\t"
                "stmia %[v]!, {r4, r5, r8, r10}"
                : [v] "+r"(v), [w] "+r"(w), [a] "=&r"(first), [b] "=&r"(second)
                :
                : "r3", "r4", "r5", "r8", "r10", "memory");
        }
    } else {
        for (; i < (n & ~7); i += 8) {
            uint32_t first, second;
            __asm__ volatile(
                "ldr %[a], [%[w]], #4\n\tldr %[b], [%[w]], #4\n\tldmia %[v], {r4, r5, r8, r10}\n\t"
                "sxtb16 r3, %[a]\n\tsxtb16 %[a], %[a], ror #8\n\tlsl r3, r3, %[s]\n\tlsl %[a], %[a], %[s]\n\t"
                "bic r3, r3, %[m]\n\tbic %[a], %[a], %[m]\n\tsadd16 r4, r4, r3\n\tsadd16 r5, r5, %[a]\n\t"
                "sxtb16 r3, %[b]\n\tsxtb16 %[b], %[b], ror #8\n\tlsl r3, r3, %[s]\n\tlsl %[b], %[b], %[s]\n\t"
                "bic r3, r3, %[m]\n\tbic %[b], %[b], %[m]\n\tsadd16 r8, r8, r3\n\tsadd16 r10, r10, %[b]\n\t"
                "stmia %[v]!, {r4, r5, r8, r10}"
                : [v] "+&r"(v), [w] "+&r"(w), [a] "=&r"(first), [b] "=&r"(second)
                : [s] "r"(shift), [m] "r"(spill)
                : "r3", "r4", "r5", "r8", "r10", "memory", "cc");
        }
    }
    n -= i;
    i = 0;
    for (; i < (n & ~3); i += 4) {
        uint32_t lanes[2], words[2];
        memcpy(words, v + i, sizeof words);
        residual_lanes_i8(w + i, lanes);
        words[0] = (uint32_t)__sadd16((int16x2_t)words[0], (int16x2_t)((lanes[0] << shift) & ~spill));
        words[1] = (uint32_t)__sadd16((int16x2_t)words[1], (int16x2_t)((lanes[1] << shift) & ~spill));
        memcpy(v + i, words, sizeof words);
    }
#endif
#ifdef RESIDUAL_HOST
    if (scale == 1) {
        for (; i < n; i++) {
            v[RESIDUAL_LANE(i)] = (int16_t)(v[RESIDUAL_LANE(i)] + w[i]);
        }
    }
#endif
    for (; i < n; i++) {
        v[RESIDUAL_LANE(i)] = (int16_t)(v[RESIDUAL_LANE(i)] + w[i] * scale);
    }
}

/* A spike of source element i of a dense layer. */
RESIDUAL_HOT_SECTION static void residual_spread_row_i8_l16(RESIDUAL_ROM residual_window_t *g, RESIDUAL_ROM int8_t *weights, int16_t *v, int32_t i, int32_t scale)
{
    RESIDUAL_ROM int8_t *w = weights + (size_t)(i) * (size_t)(g->out_channels);
    residual_add_l16_i8(v, w, g->out_channels, scale);
}

/* A spike at (p, c) of a convolution of stride 1: per kernel row one run over neighbouring outputs. The kernel's
 * columns are stored mirrored, so that weights and potentials ascend together. */
RESIDUAL_HOT_SECTION static void residual_spread_run_i8_l16(RESIDUAL_ROM residual_window_t *g, RESIDUAL_ROM int8_t *weights, int16_t *v, int32_t p, int32_t c, int32_t scale)
{
    const int32_t y = p / g->width + g->top, start = p % g->width + g->left - g->kernel_w + 1;
    const int32_t row = g->row, length = g->kernel_w * row;
    const int32_t left = residual_most(0, start), right = residual_least(g->out_w, start + g->kernel_w);
    const int32_t last = residual_least(y, g->out_h - 1);
    if (left >= right) {
        return;
    }
#ifdef RESIDUAL_HOST
    for (int32_t i = 0; i < g->kernel_h * length; i += 64) { /* rows that the weights' order hides from the processor */
        RESIDUAL_AHEAD(weights + (size_t)c * (size_t)(g->kernel_h * length) + i);
    }
#endif
    for (int32_t oy = residual_most(0, y - g->kernel_h + 1); oy <= last; oy++) {
        RESIDUAL_ROM int8_t *w = weights + (size_t)(c * g->kernel_h + y - oy) * (size_t)(length);
        residual_add_l16_i8(v + (oy * g->out_w + left) * row, w + (left - start) * row, (right - left) * row, scale);
    }
}

/* A spike at (p, c) of any window: per output that sees it, `multiplier` weights. */
RESIDUAL_HOT_SECTION static void residual_spread_tap_i8_l16(RESIDUAL_ROM residual_window_t *g, RESIDUAL_ROM int8_t *weights, int16_t *v, int32_t p, int32_t c, int32_t first, int32_t scale)
{
    const int32_t y = p / g->width, x = p % g->width, n = g->multiplier;
    const int32_t last_y = residual_last_window(y, g->top, g->stride_h, g->out_h);
    const int32_t last_x = residual_last_window(x, g->left, g->stride_w, g->out_w);
    const int32_t first_x = residual_first_window(x, g->left, (g->kernel_w - 1) * g->dilate_w + 1, g->stride_w);
    int32_t oy = residual_first_window(y, g->top, (g->kernel_h - 1) * g->dilate_h + 1, g->stride_h);
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
            RESIDUAL_ROM int8_t *w = weights + (size_t)((c * g->kernel_h + ky) * g->kernel_w + kx) * (size_t)(n);
            int16_t *to = v + (oy * g->out_w + ox) * g->row;
            for (int32_t m = 0; m < n; m++) {
                int16_t *at = to + RESIDUAL_LANE(first + m);
                *at = (int16_t)(*at + w[m] * scale);
            }
        }
    }
}

/* A spike at (p, c) of a sum pool. */
RESIDUAL_HOT_SECTION static void residual_spread_pool_l16(RESIDUAL_ROM residual_window_t *g, int16_t *v, int32_t p, int32_t c, int32_t scale)
{
    const int32_t y = p / g->width, x = p - y * g->width;
    const int32_t last_y = residual_last_window(y, g->top, g->stride_h, g->out_h);
    const int32_t last_x = residual_last_window(x, g->left, g->stride_w, g->out_w);
    const int32_t first_x = residual_first_window(x, g->left, g->kernel_w, g->stride_w);
    for (int32_t oy = residual_first_window(y, g->top, g->kernel_h, g->stride_h); oy <= last_y; oy++) {
        for (int32_t ox = first_x; ox <= last_x; ox++) {
            int16_t *at = v + (oy * g->out_w + ox) * g->row + RESIDUAL_LANE(g->first + c);
            *at = (int16_t)(*at + scale);
        }
    }
}

#endif
