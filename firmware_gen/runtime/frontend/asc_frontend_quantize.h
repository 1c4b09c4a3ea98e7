/*
 * From features to the network's int8 input.
 *
 * Formula   quantize(v) = clamp(rint(v * inverse_scale) + zero_point, -128, 127), ties to even                    (7)
 *           Of a band e, v = log(e) * log_factor, and (7) rises in 255 steps: q = -128 + number of thresholds that are
 *           not above e. Positive floats have the order of their bits, and the bits, as an integer, are log2(e) * 2^23
 *           with straight lines between powers of 2, at most 0.086 octaves low. A linear guess from them is low by as
 *           much, which is one or two steps of the usual features; then steps are counted up.                   (8)
 * Range     v any finite number; e positive, not below the offset of the logarithm
 * Exact     (8) is (7) of the exact logarithm, but for thresholds rounded to float32 (6e-8 of e); the generator takes
 *           the highest guess that is never above the truth
 */
#ifndef ASC_FRONTEND_QUANTIZE_H
#define ASC_FRONTEND_QUANTIZE_H

#include "asc_frontend.h"

static inline int8_t asc_frontend_quantize(const asc_frontend_config_t *c, float value) {
    /* adding 1.5 * 2^23 leaves no bits for a fraction: the sum is rounded to an integer, ties to even */
    const float magic = 12582912.0f;
    float steps = value * c->inverse_scale;
    steps = steps < -512.0f ? -512.0f : steps > 512.0f ? 512.0f : steps;
    const int32_t q = (int32_t)((steps + magic) - magic) + c->zero_point;
    return (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
}

/* From the bits of a band's energy. */
static inline int8_t asc_frontend_quantize_band(const uint32_t *thresholds, int64_t guess_start, int32_t guess_slope,
                                                uint32_t bits) {
    const int32_t guess = (int32_t)((guess_start + (int64_t)(int32_t)bits * guess_slope) >> 32);
    int32_t steps = guess < 0 ? 0 : guess > 255 ? 255 : guess;
    while (bits >= thresholds[steps]) { /* the last one is above all */
        ++steps;
    }
    return (int8_t)(steps - 128);
}

#endif
