/* SPDX-License-Identifier: Apache-2.0
 * snncc of unknown version: count, T <= 16, 4-bit weights, rate input of 8 bits, network 4d995fe2ee1f23f2. */
/* views_kernels.h: the loops that views.c is made of. Included by it alone. Written by snncc; do not edit. */
#ifndef VIEWS_KERNELS_H
#define VIEWS_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Functions that are faster alone than inside their caller, where they run out of registers. */
#ifdef __GNUC__
#define VIEWS_APART __attribute__((noinline))
#define VIEWS_UNUSED __attribute__((unused)) /* on some processors */
#define VIEWS_REUSE() __asm__ volatile("" : : : "memory") /* from here on buffers lie where others of other types lay */
#else
#define VIEWS_APART
#define VIEWS_UNUSED
#define VIEWS_REUSE() ((void)0)
#endif

/* What a pointer to the tables points to. On AVR flash is an address space of its own, __flash in GNU C. */
#if defined(__AVR__) && !defined(__AVR_TINY__)
#if !defined(__FLASH) || defined(__STRICT_ANSI__)
#error "on AVR the tables lie in __flash, which is GNU C: compile with avr-gcc and -std=gnu99 or later"
#endif
#define VIEWS_ROM const __flash
#else
#define VIEWS_ROM const
#endif

/* Where the loops lie: -D'VIEWS_HOT_SECTION=__attribute__((section(".itcm")))' moves them. */
#ifndef VIEWS_HOT_SECTION
#define VIEWS_HOT_SECTION
#endif

/* A window over a source map: sizes in elements; `first`, `row`: where its outputs go among a neuron row. */
typedef struct {
    int16_t height, width, channels, kernel_h, kernel_w, stride_h, stride_w, dilate_h, dilate_w;
    int16_t top, left, out_h, out_w, out_channels, multiplier, first, row, gathers;
} views_window_t;

static inline int32_t views_most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int32_t views_least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* A function of its own, which no optimisation level copies into its callers: their loops then keep the registers. */
#if defined(__GNUC__)
#define VIEWS_KERNEL VIEWS_HOT_SECTION static __attribute__((noinline, unused))
#else
#define VIEWS_KERNEL VIEWS_HOT_SECTION static
#endif

/* Cortex-M4, M7, M33 and others with the DSP extension and unaligned access: two 16-bit products or sums per
   instruction, same results. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32) && defined(__ARM_FEATURE_UNALIGNED) && defined(__ARMEL__) && !defined(VIEWS_NO_DSP)
#define VIEWS_DSP 1
#include <arm_acle.h>
#define VIEWS_INLINE static inline __attribute__((always_inline))

VIEWS_INLINE uint32_t views_word(const void *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Lanes: four neighbours as two pairs of 16 bits, (0, 2) and (1, 3). */
VIEWS_INLINE void views_lanes_u8(const void *from, uint32_t *lanes)
{
    const uint32_t word = views_word(from);
    __asm__("uxtb16 %0, %1" : "=r"(lanes[0]) : "r"(word));
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(lanes[1]) : "r"(word));
}

VIEWS_INLINE void views_lanes_i8(const void *from, uint32_t *lanes)
{
    const uint32_t word = views_word(from);
    __asm__("sxtb16 %0, %1" : "=r"(lanes[0]) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(lanes[1]) : "r"(word));
}

VIEWS_INLINE void views_lanes_i16(const void *from, uint32_t *lanes)
{
    const uint32_t first = views_word(from), second = views_word((const int16_t *)from + 2);
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(lanes[0]) : "r"(first), "r"(second));
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(lanes[1]) : "r"(first), "r"(second));
}

/* The next two words, which lie aligned. */
VIEWS_INLINE void views_take(const uint32_t **from, uint32_t *to)
{
    __asm__ volatile("ldrd %0, %1, [%2], #8" : "=&r"(to[0]), "=&r"(to[1]), "+&r"(*from) : : "memory");
}

VIEWS_INLINE int32_t views_mac(uint32_t a, uint32_t b, int32_t sum)
{
    return __smlad((int16x2_t)a, (int16x2_t)b, sum);
}
#endif

/* Cortex-M55, M85 with Helium: eight 16-bit products per instruction, same results. */
#if defined(VIEWS_DSP) && defined(__ARM_FEATURE_MVE) && !defined(VIEWS_NO_MVE)
#define VIEWS_MVE 1
#include <arm_mve.h>

/* The next eight elements as 16 bits, zeros where fewer are `left`. */
VIEWS_INLINE int16x8_t views_eight_u8(const uint8_t *from, mve_pred16_t left)
{
    return vreinterpretq_s16_u16(vldrbq_z_u16(from, left));
}

VIEWS_INLINE int16x8_t views_eight_i8(const int8_t *from, mve_pred16_t left)
{
    return vldrbq_z_s16(from, left);
}

VIEWS_INLINE int16x8_t views_eight_u16(const uint16_t *from, mve_pred16_t left)
{
    return vreinterpretq_s16_u16(vldrhq_z_u16(from, left));
}

VIEWS_INLINE int16x8_t views_eight_i16(const int16_t *from, mve_pred16_t left)
{
    return vldrhq_z_s16(from, left);
}
#endif

/* Where channel c of a 16-bit potential lies: in groups of four as 0 2 1 3 under DSP. Its own inverse. */
#ifdef VIEWS_DSP
#define VIEWS_LANE(c) (((c) & ~3) | (((c) & 1) << 1) | (((c) >> 1) & 1))
#else
#define VIEWS_LANE(c) (c)
#endif

VIEWS_HOT_SECTION static inline void views_copy_u8_short(uint8_t *to, const uint8_t *from, int32_t n)
{
#ifdef VIEWS_DSP
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
VIEWS_HOT_SECTION static inline const uint8_t *views_gather_u8_short(VIEWS_ROM views_window_t *g, const uint8_t *source, int32_t p, uint8_t *patch)
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
            views_copy_u8_short(to, from + x0 * channels, g->kernel_w * channels);
            to += g->kernel_w * channels;
            continue;
        }
        int32_t x = x0;
        for (int32_t kx = 0; kx < g->kernel_w; kx++, x += g->dilate_w, to += channels) {
            if (inside && x >= 0 && x < g->width) {
                views_copy_u8_short(to, from + x * channels, channels);
            } else {
                memset(to, 0, (size_t)channels * sizeof *to);
            }
        }
    }
    return patch;
}

VIEWS_KERNEL void views_copy_u8(uint8_t *to, const uint8_t *from, int32_t n)
{
#ifdef VIEWS_DSP
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
VIEWS_KERNEL const uint8_t *views_gather_u8(VIEWS_ROM views_window_t *g, const uint8_t *source, int32_t p, uint8_t *patch)
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
            views_copy_u8(to, from + x0 * channels, g->kernel_w * channels);
            to += g->kernel_w * channels;
            continue;
        }
        int32_t x = x0;
        for (int32_t kx = 0; kx < g->kernel_w; kx++, x += g->dilate_w, to += channels) {
            if (inside && x >= 0 && x < g->width) {
                views_copy_u8(to, from + x * channels, channels);
            } else {
                memset(to, 0, (size_t)channels * sizeof *to);
            }
        }
    }
    return patch;
}

/* The same for the windows of output positions p and q, whose accumulators lie g->row apart. */
VIEWS_KERNEL void views_dot2_u8_i8_i32_short(VIEWS_ROM views_window_t *g, const uint8_t *source, int32_t p, int32_t q, uint8_t *patch, VIEWS_ROM int8_t *weights, int32_t length, int32_t *acc, int32_t scale)
{
    const uint8_t *a = views_gather_u8_short(g, source, p, patch);
    const uint8_t *b = views_gather_u8_short(g, source, q, patch + length);
    for (int32_t o = 0; o < g->out_channels; o += 2) {
        const int32_t second = views_least(o + 1, g->out_channels - 1);
        VIEWS_ROM int8_t *w0 = weights + (size_t)(o) * (size_t)(length);
        VIEWS_ROM int8_t *w1 = weights + (size_t)(second) * (size_t)(length);
        int32_t a0 = 0, a1 = 0, b0 = 0, b1 = 0;
        int32_t i = 0;
#if defined(VIEWS_MVE)
        for (; i < length; i += 8) {
            const mve_pred16_t left = vctp16q((uint32_t)(length - i));
            const int16x8_t v0 = views_eight_i8(w0 + i, left), v1 = views_eight_i8(w1 + i, left);
            const int16x8_t ax = views_eight_u8(a + i, left);
            a0 = vmladavaq_s16(a0, ax, v0);
            a1 = vmladavaq_s16(a1, ax, v1);
            const int16x8_t bx = views_eight_u8(b + i, left);
            b0 = vmladavaq_s16(b0, bx, v0);
            b1 = vmladavaq_s16(b1, bx, v1);
        }
#elif defined(VIEWS_DSP)
        for (; i < (length & ~3); i += 4) {
            uint32_t w[2], ax[2], bx[2];
            views_lanes_u8(a + i, ax);
            views_lanes_u8(b + i, bx);
            views_lanes_i8(w0 + i, w);
            a0 = views_mac(ax[0], w[0], a0);
            a0 = views_mac(ax[1], w[1], a0);
            b0 = views_mac(bx[0], w[0], b0);
            b0 = views_mac(bx[1], w[1], b0);
            views_lanes_i8(w1 + i, w);
            a1 = views_mac(ax[0], w[0], a1);
            a1 = views_mac(ax[1], w[1], a1);
            b1 = views_mac(bx[0], w[0], b1);
            b1 = views_mac(bx[1], w[1], b1);
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
VIEWS_KERNEL void views_dot1_u8_i8_i32(VIEWS_ROM views_window_t *g, const uint8_t *a, VIEWS_ROM int8_t *weights, int32_t length, int32_t *acc, int32_t scale)
{
    for (int32_t o = 0; o < g->out_channels; o += 2) {
        const int32_t second = views_least(o + 1, g->out_channels - 1);
        VIEWS_ROM int8_t *w0 = weights + (size_t)(o) * (size_t)(length);
        VIEWS_ROM int8_t *w1 = weights + (size_t)(second) * (size_t)(length);
        int32_t a0 = 0, a1 = 0;
        int32_t i = 0;
#if defined(VIEWS_MVE)
        for (; i < length; i += 8) {
            const mve_pred16_t left = vctp16q((uint32_t)(length - i));
            const int16x8_t v0 = views_eight_i8(w0 + i, left), v1 = views_eight_i8(w1 + i, left);
            const int16x8_t ax = views_eight_u8(a + i, left);
            a0 = vmladavaq_s16(a0, ax, v0);
            a1 = vmladavaq_s16(a1, ax, v1);
        }
#elif defined(VIEWS_DSP)
        for (; i < (length & ~3); i += 4) {
            uint32_t w[2], ax[2];
            views_lanes_u8(a + i, ax);
            views_lanes_i8(w0 + i, w);
            a0 = views_mac(ax[0], w[0], a0);
            a0 = views_mac(ax[1], w[1], a0);
            views_lanes_i8(w1 + i, w);
            a1 = views_mac(ax[0], w[0], a1);
            a1 = views_mac(ax[1], w[1], a1);
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
 * -DVIEWS_NO_HOST leaves them out. */
#if !defined(VIEWS_NO_HOST) && defined(__AVX2__)
#define VIEWS_HOST 1
#include <immintrin.h>

/* VIEWS_BYTES, _WORDS: elements that one step takes of rows of bytes, and of rows widened to 16 bits. */
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define VIEWS_TOGETHER 4
#define VIEWS_BYTES 64
#define VIEWS_WORDS 32
#define VIEWS_VEX ""
typedef __m512i views_vec_t, views_bytes_t, views_words_t;
#define VIEWS_ZERO() _mm512_setzero_si512()
#define VIEWS_LOAD(from) _mm512_loadu_si512(from)
#define VIEWS_WIDE_u8(from) _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(from)))
#define VIEWS_WIDE_i8(from) _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(from)))
#define VIEWS_WIDE_i16(from) _mm512_loadu_si512(from)
#define VIEWS_MAC_MIXED(sum, x, w) views_vpdpbusd(sum, x, w)
#define VIEWS_MAC_WIDE(sum, x, w) views_vpdpwssd(sum, x, w)
#else
#define VIEWS_TOGETHER 2
#define VIEWS_BYTES 32
#define VIEWS_WORDS 16
typedef __m256i views_vec_t, views_bytes_t, views_words_t;
#define VIEWS_ZERO() _mm256_setzero_si256()
#define VIEWS_LOAD(from) _mm256_loadu_si256((const __m256i *)(const void *)(from))
#define VIEWS_WIDE_u8(from) _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(from)))
#define VIEWS_WIDE_i8(from) _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(from)))
#define VIEWS_WIDE_i16(from) VIEWS_LOAD(from)
#define VIEWS_MAC_WIDE(sum, x, w) _mm256_add_epi32(sum, _mm256_madd_epi16(x, w))
#ifdef __AVXVNNI__
#define VIEWS_VEX "%{vex%} "
#define VIEWS_MAC_MIXED(sum, x, w) views_vpdpbusd(sum, x, w)
#else
#define VIEWS_MAC_PAIRS(sum, x, w) VIEWS_MAC_WIDE(sum, _mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1))
#endif
#endif

#ifdef VIEWS_VEX
static inline views_vec_t views_vpdpbusd(views_vec_t sum, views_vec_t x, views_vec_t w)
{
    __asm__(VIEWS_VEX "vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "vm"(w)); /* the intrinsic copies sums to and fro in GCC 12 */
    return sum;
}
static inline views_vec_t views_vpdpwssd(views_vec_t sum, views_vec_t x, views_vec_t w)
{
    __asm__(VIEWS_VEX "vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(x), "vm"(w)); /* the intrinsic copies sums to and fro in GCC 12 */
    return sum;
}
#endif

/* acc[0..3] += scale * the sums of the elements of a, b, c and d. */
static inline void views_put(views_vec_t a, views_vec_t b, views_vec_t c, views_vec_t d, int32_t *acc, int32_t scale)
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
#define VIEWS_LANES 8
typedef __m256i views_lanes_t;
#define VIEWS_EIGHT(from) _mm_loadl_epi64((const __m128i *)(const void *)(from))
#define VIEWS_LANES_u8(from) _mm256_cvtepu8_epi32(VIEWS_EIGHT(from))
#define VIEWS_LANES_i8(from) _mm256_cvtepi8_epi32(VIEWS_EIGHT(from))
#define VIEWS_LANES_u16(from) _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(from)))
#define VIEWS_LANES_i16(from) _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(from)))
/* Of x from 0 to 2^15 - 1 the product of the lower halves is the whole one. */
#define VIEWS_MAC_UNSIGNED(sum, x, w) _mm256_add_epi32(sum, _mm256_madd_epi16(x, w))
#define VIEWS_MAC_INTEGER(sum, x, w) _mm256_add_epi32(sum, _mm256_mullo_epi32(x, w))

static inline void views_add_lanes(int32_t *acc, views_lanes_t sums, int32_t scale)
{
    const __m256i before = _mm256_loadu_si256((const __m256i *)(const void *)acc);
    _mm256_storeu_si256((__m256i *)(void *)acc, _mm256_add_epi32(before, _mm256_mullo_epi32(sums, _mm256_set1_epi32(scale))));
}
#elif !defined(VIEWS_NO_HOST) && defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define VIEWS_HOST 1
#include <arm_neon.h>

#define VIEWS_TOGETHER 4
#define VIEWS_BYTES 16
#define VIEWS_WORDS 8
typedef int32x4_t views_vec_t;
typedef int8x16_t views_bytes_t;
typedef int16x8_t views_words_t;
#define VIEWS_ZERO() vdupq_n_s32(0)
#define VIEWS_LOAD(from) vld1q_s8((const int8_t *)(from))
#define VIEWS_WIDE_u8(from) vreinterpretq_s16_u16(vmovl_u8(vld1_u8(from)))
#define VIEWS_WIDE_i8(from) vmovl_s8(vld1_s8(from))
#define VIEWS_WIDE_i16(from) vld1q_s16((const int16_t *)(from))
#define VIEWS_MAC_WIDE(sum, x, w) vmlal_high_s16(vmlal_s16(sum, vget_low_s16(x), vget_low_s16(w)), x, w)
#define VIEWS_MAC_SIGNED(sum, x, w) vdotq_s32(sum, x, w)
#ifdef __ARM_FEATURE_MATMUL_INT8
#define VIEWS_MAC_MIXED(sum, x, w) vusdotq_s32(sum, vreinterpretq_u8_s8(x), w)
#endif

/* acc[0..3] += scale * the sums of the elements of a, b, c and d. */
static inline void views_put(views_vec_t a, views_vec_t b, views_vec_t c, views_vec_t d, int32_t *acc, int32_t scale)
{
    const int32x4_t sums = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
    vst1q_s32(acc, vmlaq_n_s32(vld1q_s32(acc), sums, scale));
}
#endif
#ifdef VIEWS_HOST
#if defined(__GNUC__)
#define VIEWS_ALIGNED __attribute__((aligned(64)))
#define VIEWS_AHEAD(from) __builtin_prefetch(from)
#else
#define VIEWS_ALIGNED
#define VIEWS_AHEAD(from) ((void)0)
#endif

#if defined(VIEWS_MAC_MIXED) || defined(VIEWS_MAC_SIGNED) || defined(VIEWS_MAC_PAIRS)
#define VIEWS_STEP VIEWS_BYTES
#define VIEWS_ROW views_bytes_t
#define VIEWS_X(from) VIEWS_LOAD(from)
#define VIEWS_W(from) VIEWS_LOAD(from)
#if defined(VIEWS_MAC_MIXED)
#define VIEWS_MAC VIEWS_MAC_MIXED
#elif defined(VIEWS_MAC_SIGNED)
#define VIEWS_MAC VIEWS_MAC_SIGNED
#elif defined(VIEWS_MAC_PAIRS)
#define VIEWS_MAC VIEWS_MAC_PAIRS
#endif
#else
#define VIEWS_STEP VIEWS_WORDS
#define VIEWS_ROW views_words_t
#define VIEWS_X(from) VIEWS_WIDE_u8(from)
#define VIEWS_W(from) VIEWS_WIDE_i8(from)
#define VIEWS_MAC VIEWS_MAC_WIDE
#endif

/* acc[q*row + o] += scale * (weights[o] . window of position p + q), q < n <= 16, a row of acc being full fours.
 * What fills a window up to whole steps is 0; weights are read on beyond a row as far: into the next one, or the hash. */
VIEWS_KERNEL void views_host_dot_u8_i8_mixed_signed_pairs(const views_window_t *g, const uint8_t *source, int32_t p, int32_t n, uint8_t *patch, const int8_t *weights, int32_t length, int32_t *acc, int32_t row, int32_t scale)
{
    const uint8_t *at[16];
    const int32_t stride = (length + 63) & ~63, last = g->out_channels - 1;
    if (length < stride && stride <= 512) { /* short rows at once */
        memset(patch, 0, (size_t)(n * stride) * sizeof *patch);
    }
    for (int32_t q = 0; q < n; q++) {
        uint8_t *to = patch + q * stride;
        at[q] = views_gather_u8(g, source, p + q, to);
        if (at[q] != to && length % VIEWS_STEP != 0) {
            memcpy(to, at[q], (size_t)length * sizeof *to);
            at[q] = to;
        }
        if (at[q] == to && stride > 512) {
            memset(to + length, 0, (size_t)(stride - length) * sizeof *to);
        }
    }
    for (int32_t o = 0; o <= last; o += 4) {
        const int8_t *w0 = weights + (size_t)o * (size_t)length;
        const int8_t *w1 = weights + (size_t)views_least(o + 1, last) * (size_t)length;
        const int8_t *w2 = weights + (size_t)views_least(o + 2, last) * (size_t)length;
        const int8_t *w3 = weights + (size_t)views_least(o + 3, last) * (size_t)length;
        int32_t q = 0;
#if VIEWS_TOGETHER == 4
        for (; q < (n & ~3); q += 4) {
            const uint8_t *a = at[q];
            const uint8_t *b = at[q + 1];
            const uint8_t *c = at[q + 2];
            const uint8_t *d = at[q + 3];
            views_vec_t a0 = VIEWS_ZERO(), a1 = VIEWS_ZERO(), a2 = VIEWS_ZERO(), a3 = VIEWS_ZERO();
            views_vec_t b0 = VIEWS_ZERO(), b1 = VIEWS_ZERO(), b2 = VIEWS_ZERO(), b3 = VIEWS_ZERO();
            views_vec_t c0 = VIEWS_ZERO(), c1 = VIEWS_ZERO(), c2 = VIEWS_ZERO(), c3 = VIEWS_ZERO();
            views_vec_t d0 = VIEWS_ZERO(), d1 = VIEWS_ZERO(), d2 = VIEWS_ZERO(), d3 = VIEWS_ZERO();
            for (int32_t i = 0; i < length; i += VIEWS_STEP) {
                const VIEWS_ROW ax = VIEWS_X(a + i), bx = VIEWS_X(b + i), cx = VIEWS_X(c + i), dx = VIEWS_X(d + i);
                VIEWS_ROW w;
                w = VIEWS_W(w0 + i);
                a0 = VIEWS_MAC(a0, ax, w);
                b0 = VIEWS_MAC(b0, bx, w);
                c0 = VIEWS_MAC(c0, cx, w);
                d0 = VIEWS_MAC(d0, dx, w);
                w = VIEWS_W(w1 + i);
                a1 = VIEWS_MAC(a1, ax, w);
                b1 = VIEWS_MAC(b1, bx, w);
                c1 = VIEWS_MAC(c1, cx, w);
                d1 = VIEWS_MAC(d1, dx, w);
                w = VIEWS_W(w2 + i);
                a2 = VIEWS_MAC(a2, ax, w);
                b2 = VIEWS_MAC(b2, bx, w);
                c2 = VIEWS_MAC(c2, cx, w);
                d2 = VIEWS_MAC(d2, dx, w);
                w = VIEWS_W(w3 + i);
                a3 = VIEWS_MAC(a3, ax, w);
                b3 = VIEWS_MAC(b3, bx, w);
                c3 = VIEWS_MAC(c3, cx, w);
                d3 = VIEWS_MAC(d3, dx, w);
            }
            views_put(a0, a1, a2, a3, acc + q * row + o, scale);
            views_put(b0, b1, b2, b3, acc + (q + 1) * row + o, scale);
            views_put(c0, c1, c2, c3, acc + (q + 2) * row + o, scale);
            views_put(d0, d1, d2, d3, acc + (q + 3) * row + o, scale);
        }
#else
        for (; q < (n & ~1); q += 2) {
            const uint8_t *a = at[q];
            const uint8_t *b = at[q + 1];
            views_vec_t a0 = VIEWS_ZERO(), a1 = VIEWS_ZERO(), a2 = VIEWS_ZERO(), a3 = VIEWS_ZERO();
            views_vec_t b0 = VIEWS_ZERO(), b1 = VIEWS_ZERO(), b2 = VIEWS_ZERO(), b3 = VIEWS_ZERO();
            for (int32_t i = 0; i < length; i += VIEWS_STEP) {
                const VIEWS_ROW ax = VIEWS_X(a + i), bx = VIEWS_X(b + i);
                VIEWS_ROW w;
                w = VIEWS_W(w0 + i);
                a0 = VIEWS_MAC(a0, ax, w);
                b0 = VIEWS_MAC(b0, bx, w);
                w = VIEWS_W(w1 + i);
                a1 = VIEWS_MAC(a1, ax, w);
                b1 = VIEWS_MAC(b1, bx, w);
                w = VIEWS_W(w2 + i);
                a2 = VIEWS_MAC(a2, ax, w);
                b2 = VIEWS_MAC(b2, bx, w);
                w = VIEWS_W(w3 + i);
                a3 = VIEWS_MAC(a3, ax, w);
                b3 = VIEWS_MAC(b3, bx, w);
            }
            views_put(a0, a1, a2, a3, acc + q * row + o, scale);
            views_put(b0, b1, b2, b3, acc + (q + 1) * row + o, scale);
        }
#endif
        for (; q < n; q++) {
            const uint8_t *a = at[q];
            views_vec_t a0 = VIEWS_ZERO(), a1 = VIEWS_ZERO(), a2 = VIEWS_ZERO(), a3 = VIEWS_ZERO();
            for (int32_t i = 0; i < length; i += VIEWS_STEP) {
                const VIEWS_ROW ax = VIEWS_X(a + i);
                VIEWS_ROW w;
                w = VIEWS_W(w0 + i);
                a0 = VIEWS_MAC(a0, ax, w);
                w = VIEWS_W(w1 + i);
                a1 = VIEWS_MAC(a1, ax, w);
                w = VIEWS_W(w2 + i);
                a2 = VIEWS_MAC(a2, ax, w);
                w = VIEWS_W(w3 + i);
                a3 = VIEWS_MAC(a3, ax, w);
            }
            views_put(a0, a1, a2, a3, acc + q * row + o, scale);
        }
    }
}
#undef VIEWS_STEP
#undef VIEWS_ROW
#undef VIEWS_X
#undef VIEWS_W
#undef VIEWS_MAC

/* floor(u / theta) = u * factor >> shift of every u < 2^31: shift = 31 + s, 2^s >= theta, and theta * factor exceeds
 * 2^shift by e in 1..theta, so that the product exceeds u * 2^shift / theta by u * e / theta < 2^shift / theta. */
static inline void views_host_divisor(int32_t theta, uint32_t *factor, uint32_t *shift)
{
    uint32_t s = 0U;
    while ((UINT32_C(1) << s) < (uint32_t)theta) {
        s++;
    }
    *factor = (uint32_t)((UINT64_C(1) << (31U + s)) / (uint32_t)theta + 1U);
    *shift = 31U + s;
}

/* out[i] = min(limit, floor(u[i] / theta)), 0 where u is negative, of n neurons. */
VIEWS_KERNEL void views_host_fire(const int32_t *u, const uint32_t *factor, const uint32_t *shift, int32_t n, uint32_t limit, uint8_t *out)
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
static inline int32_t views_first_tap(int32_t start, int32_t step)
{
    return start < 0 ? (step - 1 - start) / step : 0;
}

static inline int32_t views_end_tap(int32_t start, int32_t step, int32_t taps, int32_t size)
{
    return start < size ? views_least(taps, (size - start + step - 1) / step) : 0;
}

/* Depthwise: acc[c*M + m] += scale * sum over the window's real taps of x[c] * w[c*M + m]. */
VIEWS_KERNEL void views_taps_u8_i8_i32(VIEWS_ROM views_window_t *g, const uint8_t *source, VIEWS_ROM int8_t *weights, int32_t p, int32_t *acc, int32_t scale)
{
    const int32_t outputs = g->out_channels;
    const int32_t oy = p / g->out_w, y0 = oy * g->stride_h - g->top, x0 = (p - oy * g->out_w) * g->stride_w - g->left;
    const int32_t first_y = views_first_tap(y0, g->dilate_h), end_y = views_end_tap(y0, g->dilate_h, g->kernel_h, g->height);
    const int32_t first_x = views_first_tap(x0, g->dilate_w), end_x = views_end_tap(x0, g->dilate_w, g->kernel_w, g->width);
    const int32_t down = g->dilate_h * g->width * g->channels, right = g->dilate_w * g->channels;
    const uint8_t *corner = source + ((y0 * g->width + x0) * g->channels + first_y * down + first_x * right);
    const int32_t fours = g->multiplier == 1 ? outputs & ~3 : 0;
    int32_t o = 0;
#ifdef VIEWS_LANES
    for (; g->multiplier == 1 && o <= outputs - VIEWS_LANES; o += VIEWS_LANES) {
        views_lanes_t sums = _mm256_setzero_si256();
        const uint8_t *line = corner + o;
        for (int32_t ky = first_y; ky < end_y; ky++, line += down) {
            const uint8_t *a = line;
            const int8_t *w = weights + (ky * g->kernel_w + first_x) * outputs + o;
            for (int32_t n = end_x - first_x; n > 0; n--, a += right, w += outputs) {
                sums = VIEWS_MAC_UNSIGNED(sums, VIEWS_LANES_u8(a), VIEWS_LANES_i8(w));
            }
        }
        views_add_lanes(acc + o, sums, scale);
    }
#endif
    for (; o < fours; o += 4) {
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        const uint8_t *line = corner + o;
        for (int32_t ky = first_y; ky < end_y; ky++, line += down) {
            const uint8_t *a = line;
            VIEWS_ROM int8_t *w = weights + (size_t)(ky * g->kernel_w + first_x) * (size_t)(outputs) + o;
            for (int32_t n = end_x - first_x; n > 0; n--, a += right, w += outputs) {
#if defined(VIEWS_DSP)
                uint32_t x[2], v[2];
                views_lanes_u8(a, x);
                views_lanes_i8(w, v);
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
            VIEWS_ROM int8_t *w = weights + (size_t)(ky * g->kernel_w + kx) * (size_t)(outputs);
            for (int32_t c = o; c < g->channels; c++) {
                for (int32_t m = c * g->multiplier; m < (c + 1) * g->multiplier; m++) {
                    acc[m] += (int32_t)a[c] * w[m] * scale;
                }
            }
        }
    }
}

/* out = max over each window; the frame of zeros around the source counts, what lies beyond it does not. */
VIEWS_HOT_SECTION static void views_max_pool_u8(VIEWS_ROM views_window_t *g, VIEWS_ROM views_window_t *frame, const uint8_t *source, uint8_t *out)
{
    for (int32_t oy = 0; oy < g->out_h; oy++) {
        for (int32_t ox = 0; ox < g->out_w; ox++, out += g->channels) {
            int started = 0;
            for (int32_t ky = 0; ky < g->kernel_h; ky++) {
                const int32_t y = oy * g->stride_h - g->top + ky;
                for (int32_t kx = 0; kx < g->kernel_w; kx++) {
                    const int32_t x = ox * g->stride_w - g->left + kx;
                    const int zero = y < 0 || y >= g->height || x < 0 || x >= g->width;
                    if (y < -frame->top || y >= frame->height || x < -frame->left || x >= frame->width) {
                        continue;
                    }
                    const uint8_t *a = source + (zero ? 0 : (y * g->width + x) * g->channels);
                    for (int32_t c = 0; c < g->channels; c++) {
                        const uint8_t value = zero ? 0 : a[c];
                        if (!started || value > out[c]) {
                            out[c] = value;
                        }
                    }
                    started = 1;
                }
            }
        }
    }
}

/* min(limit, floor(u / theta)), 0 where u is negative. */
VIEWS_UNUSED static uint32_t views_fire_i32(int32_t u, int32_t theta, uint32_t limit)
{
    if (u < theta) {
        return 0U;
    }
    const uint32_t n = (uint32_t)u / (uint32_t)theta;
    return n < limit ? (uint32_t)n : limit;
}

#endif
