/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 6, 5-bit weights, current input of 8 bits, network 883ce0a705447098. */
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

/* acc[o] += scale * (weights[o] . window), for one window: two outputs at a time. */
RESIDUAL_KERNEL void residual_dot1_u8_i8_i32(RESIDUAL_ROM residual_window_t *g, const uint8_t *a, RESIDUAL_ROM int8_t *weights, int32_t length, int32_t *acc, int32_t scale)
{
    for (int32_t o = 0; o < g->out_channels; o += 2) {
        const int32_t second = residual_least(o + 1, g->out_channels - 1);
        RESIDUAL_ROM int8_t *w0 = weights + (size_t)(o) * (size_t)(length);
        RESIDUAL_ROM int8_t *w1 = weights + (size_t)(second) * (size_t)(length);
        int32_t a0 = 0, a1 = 0;
        int32_t i = 0;
#if defined(RESIDUAL_MVE)
        for (; i < length; i += 8) {
            const mve_pred16_t left = vctp16q((uint32_t)(length - i));
            const int16x8_t v0 = residual_eight_i8(w0 + i, left), v1 = residual_eight_i8(w1 + i, left);
            const int16x8_t ax = residual_eight_u8(a + i, left);
            a0 = vmladavaq_s16(a0, ax, v0);
            a1 = vmladavaq_s16(a1, ax, v1);
        }
#elif defined(RESIDUAL_DSP)
        for (; i < (length & ~3); i += 4) {
            uint32_t w[2], ax[2];
            residual_lanes_u8(a + i, ax);
            residual_lanes_i8(w0 + i, w);
            a0 = residual_mac(ax[0], w[0], a0);
            a0 = residual_mac(ax[1], w[1], a0);
            residual_lanes_i8(w1 + i, w);
            a1 = residual_mac(ax[0], w[0], a1);
            a1 = residual_mac(ax[1], w[1], a1);
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

/* Eight channels of a depthwise layer in lanes of 32 bits. */
#define RESIDUAL_LANES 8
typedef __m256i residual_lanes_t;
#define RESIDUAL_EIGHT(from) _mm_loadl_epi64((const __m128i *)(const void *)(from))
#define RESIDUAL_LANES_u8(from) _mm256_cvtepu8_epi32(RESIDUAL_EIGHT(from))
#define RESIDUAL_LANES_i8(from) _mm256_cvtepi8_epi32(RESIDUAL_EIGHT(from))
#define RESIDUAL_LANES_u16(from) _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(from)))
#define RESIDUAL_LANES_i16(from) _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(from)))
/* Of x from 0 to 2^15 - 1 the product of the lower halves is the whole one. */
#define RESIDUAL_MAC_UNSIGNED(sum, x, w) _mm256_add_epi32(sum, _mm256_madd_epi16(x, w))
#define RESIDUAL_MAC_INTEGER(sum, x, w) _mm256_add_epi32(sum, _mm256_mullo_epi32(x, w))

static inline void residual_add_lanes(int32_t *acc, residual_lanes_t sums, int32_t scale)
{
    const __m256i before = _mm256_loadu_si256((const __m256i *)(const void *)acc);
    _mm256_storeu_si256((__m256i *)(void *)acc, _mm256_add_epi32(before, _mm256_mullo_epi32(sums, _mm256_set1_epi32(scale))));
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

#if defined(RESIDUAL_MAC_MIXED) || defined(RESIDUAL_MAC_SIGNED) || defined(RESIDUAL_MAC_PAIRS)
#define RESIDUAL_STEP RESIDUAL_BYTES
#define RESIDUAL_ROW residual_bytes_t
#define RESIDUAL_X(from) RESIDUAL_LOAD(from)
#define RESIDUAL_W(from) RESIDUAL_LOAD(from)
#if defined(RESIDUAL_MAC_MIXED)
#define RESIDUAL_MAC RESIDUAL_MAC_MIXED
#elif defined(RESIDUAL_MAC_SIGNED)
#define RESIDUAL_MAC RESIDUAL_MAC_SIGNED
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
RESIDUAL_KERNEL void residual_host_dot_u8_i8_mixed_signed_pairs(const residual_window_t *g, const uint8_t *source, int32_t p, int32_t n, uint8_t *patch, const int8_t *weights, int32_t length, int32_t *acc, int32_t row, int32_t scale)
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

/* floor(u / theta) = u * factor >> shift of every u < 2^31: shift = 31 + s, 2^s >= theta, and theta * factor exceeds
 * 2^shift by e in 1..theta, so that the product exceeds u * 2^shift / theta by u * e / theta < 2^shift / theta. */
static inline void residual_host_divisor(int32_t theta, uint32_t *factor, uint32_t *shift)
{
    uint32_t s = 0U;
    while ((UINT32_C(1) << s) < (uint32_t)theta) {
        s++;
    }
    *factor = (uint32_t)((UINT64_C(1) << (31U + s)) / (uint32_t)theta + 1U);
    *shift = 31U + s;
}

/* out[i] = min(limit, floor(u[i] / theta)), 0 where u is negative, of n neurons. */
RESIDUAL_KERNEL void residual_host_fire(const int32_t *u, const uint32_t *factor, const uint32_t *shift, int32_t n, uint32_t limit, uint8_t *out)
{
    int32_t i = 0;
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    for (; i < n; i += 16) { /* even ones, and odd ones: 64 bits to a product */
        const __mmask16 real = (__mmask16)(n - i >= 16 ? 0xFFFFU : (1U << (uint32_t)(n - i)) - 1U);
        const __m512i charge = _mm512_max_epi32(_mm512_maskz_loadu_epi32(real, u + i), _mm512_setzero_si512());
        const __m512i by = _mm512_maskz_loadu_epi32(real, factor + i), down = _mm512_maskz_loadu_epi32(real, shift + i);
        const __m512i even = _mm512_srlv_epi64(_mm512_mul_epu32(charge, by), _mm512_maskz_mov_epi32(0x5555, down));
        const __m512i odd = _mm512_srlv_epi64(_mm512_mul_epu32(_mm512_srli_epi64(charge, 32), _mm512_srli_epi64(by, 32)), _mm512_srli_epi64(down, 32));
        const __m512i spikes = _mm512_min_epu32(_mm512_mask_mov_epi32(even, 0xAAAA, _mm512_slli_epi64(odd, 32)), _mm512_set1_epi32((int32_t)limit));
        _mm_mask_storeu_epi8(out + i, real, _mm512_cvtepi32_epi8(spikes));
    }
#endif
    for (; i < n; i++) {
        const uint32_t charge = u[i] < 0 ? 0U : (uint32_t)u[i];
        const uint32_t spikes = (uint32_t)((uint64_t)charge * factor[i] >> shift[i]);
        out[i] = (uint8_t)(spikes < limit ? spikes : limit);
    }
}
#endif

/* Of a window's taps on one axis, `step` apart from `start` on: the first inside, and the end of those inside. */
static inline int32_t residual_first_tap(int32_t start, int32_t step)
{
    return start < 0 ? (step - 1 - start) / step : 0;
}

static inline int32_t residual_end_tap(int32_t start, int32_t step, int32_t taps, int32_t size)
{
    return start < size ? residual_least(taps, (size - start + step - 1) / step) : 0;
}

/* Depthwise: acc[c*M + m] += scale * sum over the window's real taps of x[c] * w[c*M + m]. */
RESIDUAL_KERNEL void residual_taps_u8_i8_i32(RESIDUAL_ROM residual_window_t *g, const uint8_t *source, RESIDUAL_ROM int8_t *weights, int32_t p, int32_t *acc, int32_t scale)
{
    const int32_t outputs = g->out_channels;
    const int32_t oy = p / g->out_w, y0 = oy * g->stride_h - g->top, x0 = (p - oy * g->out_w) * g->stride_w - g->left;
    const int32_t first_y = residual_first_tap(y0, g->dilate_h), end_y = residual_end_tap(y0, g->dilate_h, g->kernel_h, g->height);
    const int32_t first_x = residual_first_tap(x0, g->dilate_w), end_x = residual_end_tap(x0, g->dilate_w, g->kernel_w, g->width);
    const int32_t down = g->dilate_h * g->width * g->channels, right = g->dilate_w * g->channels;
    const uint8_t *corner = source + ((y0 * g->width + x0) * g->channels + first_y * down + first_x * right);
    const int32_t fours = g->multiplier == 1 ? outputs & ~3 : 0;
    int32_t o = 0;
#ifdef RESIDUAL_LANES
    for (; g->multiplier == 1 && o <= outputs - RESIDUAL_LANES; o += RESIDUAL_LANES) {
        residual_lanes_t sums = _mm256_setzero_si256();
        const uint8_t *line = corner + o;
        for (int32_t ky = first_y; ky < end_y; ky++, line += down) {
            const uint8_t *a = line;
            const int8_t *w = weights + (ky * g->kernel_w + first_x) * outputs + o;
            for (int32_t n = end_x - first_x; n > 0; n--, a += right, w += outputs) {
                sums = RESIDUAL_MAC_UNSIGNED(sums, RESIDUAL_LANES_u8(a), RESIDUAL_LANES_i8(w));
            }
        }
        residual_add_lanes(acc + o, sums, scale);
    }
#endif
    for (; o < fours; o += 4) {
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        const uint8_t *line = corner + o;
        for (int32_t ky = first_y; ky < end_y; ky++, line += down) {
            const uint8_t *a = line;
            RESIDUAL_ROM int8_t *w = weights + (size_t)(ky * g->kernel_w + first_x) * (size_t)(outputs) + o;
            for (int32_t n = end_x - first_x; n > 0; n--, a += right, w += outputs) {
#if defined(RESIDUAL_DSP)
                uint32_t x[2], v[2];
                residual_lanes_u8(a, x);
                residual_lanes_i8(w, v);
                s0 = __smlabb((int32_t)x[0], (int32_t)v[0], s0);
                s1 = __smlabb((int32_t)x[1], (int32_t)v[1], s1);
                s2 = __smlatt((int32_t)x[0], (int32_t)v[0], s2);
                s3 = __smlatt((int32_t)x[1], (int32_t)v[1], s3);
#else
                s0 += (int32_t)a[0] * w[0];
                s1 += (int32_t)a[1] * w[1];
                s2 += (int32_t)a[2] * w[2];
                s3 += (int32_t)a[3] * w[3];
#endif
            }
        }
        acc[o + 0] += s0 * scale;
        acc[o + 1] += s1 * scale;
        acc[o + 2] += s2 * scale;
        acc[o + 3] += s3 * scale;
    }
    for (int32_t ky = first_y; ky < end_y; ky++, corner += down) {
        const uint8_t *a = corner;
        for (int32_t kx = first_x; kx < end_x; kx++, a += right) {
            RESIDUAL_ROM int8_t *w = weights + (size_t)(ky * g->kernel_w + kx) * (size_t)(outputs);
            for (int32_t c = o; c < g->channels; c++) {
                for (int32_t m = c * g->multiplier; m < (c + 1) * g->multiplier; m++) {
                    acc[m] += (int32_t)a[c] * w[m] * scale;
                }
            }
        }
    }
}

/* acc[c] += scale * sum over the window's real elements. */
RESIDUAL_HOT_SECTION static void residual_pool_u8_i32(RESIDUAL_ROM residual_window_t *g, const uint8_t *source, int32_t p, int32_t *acc, int32_t scale)
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
RESIDUAL_UNUSED static uint32_t residual_fire_i32(int32_t u, int32_t theta, uint32_t limit)
{
    if (u < theta) {
        return 0U;
    }
    const uint32_t n = (uint32_t)u / (uint32_t)theta;
    return n < limit ? (uint32_t)n : limit;
}

#endif
