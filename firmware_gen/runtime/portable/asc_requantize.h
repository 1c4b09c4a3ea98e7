/*
 * Requantization: from a 32-bit accumulator to the int8 output.
 *
 * Formula   q = clamp(round(acc * scale) + zero_point), with scale = multiplier * 2^(shift - 31).
 *           Two roundings, as in TFLite's reference kernels; numbers of equations as in docs/quantization.md:
 *           h = round(acc * 2^shift+ * multiplier / 2^31), ties up          (13)
 *           r = round(h / 2^shift-), ties away from zero                    (14)
 *           q = clamp(r + zero_point)                                       (15)
 *           where shift+ = max(shift, 0) and shift- = max(-shift, 0).
 * Exact     bit for bit TFLite's BUILTIN_REF (MultiplyByQuantizedMultiplier, double rounding).
 * Source    B. Jacob et al., "Quantization and training of neural networks for efficient
 *           integer-arithmetic-only inference", CVPR 2018, section 2.2.
 *
 * A right shift of a negative integer is arithmetic on every compiler this library supports.
 */
#ifndef ASC_REQUANTIZE_H
#define ASC_REQUANTIZE_H

#include <stdint.h>

#include "asc_short_thumb.h"

/* Requantization of the channels of one operator's output. The arrays are padded to a multiple of 4 channels. */
typedef struct {
    const int32_t *bias;       /* [channels] bias; where a kernel says so, the input offset is folded in */
    const int32_t *multiplier; /* [channels] from 2^30 to 2^31 - 1, or 0 */
    const int8_t *shift;       /* [channels] exponent of the scale; narrow form: right shift - 1, from 0 to 21 */
    int32_t offset;            /* zero point of the output; narrow form: 2 * zero point + 1 */
    int32_t min;               /* smallest output: -128, or what the fused activation says */
    int32_t max;               /* largest output: 127, or what the fused activation says */
    int32_t wide;              /* 0: the narrow form holds for every channel and every input */
} asc_requantize_t;

/* Saturates to int8: with one instruction where the core has it and the compiler does not find it by itself. */
static inline int32_t asc_saturate_s8(int32_t value) {
#if defined(__ARM_FEATURE_SAT)
    /* not the macro of arm_acle.h, which warns in GCC 12 */
    return (int32_t)__builtin_arm_ssat(value, 8);
#else
    return value < -128 ? -128 : value > 127 ? 127 : value;
#endif
}

/* Equation (13) without left shift. Needs |acc| < 2^30, and a multiplier that is not negative. */
static inline int32_t asc_high_multiply(int32_t acc, int32_t multiplier) {
#ifdef ASC_SHORT_THUMB
    /* products of halves: no core of this kind has a long multiplication, and the compiler would call a function */
    const int32_t high = acc >> 15;
    const uint32_t low = (uint32_t)acc << 1 & 0xffffu;
    const int32_t multiplier_high = multiplier >> 16;
    const uint32_t multiplier_low = (uint32_t)multiplier & 0xffffu;
    const int32_t middle = high * (int32_t)multiplier_low + (int32_t)(low * multiplier_low >> 16);
    const uint32_t rest = low * (uint32_t)multiplier_high + ((uint32_t)middle & 0xffffu) + 0x8000u;
    return high * multiplier_high + (middle >> 16) + (int32_t)(rest >> 16);
#else
    const int64_t product = (int64_t)(acc * 2) * multiplier;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
#endif
}

/*
 * Equation (15'): (13) to (15) when the right shift is at least 1 and the output's range is that of int8.
 * The zero point enters before the shift: (h + half + zero_point * 2^n) >> n with n = right_shift_less_1 + 1.
 * The generator proves |acc| < 2^30 and |h| + |offset * 2^(n - 1)| < 2^31 from the weights.
 */
static inline int32_t asc_requantize_narrow(int32_t acc, int32_t multiplier, int32_t right_shift_less_1,
                                            int32_t offset) {
    int32_t h = asc_high_multiply(acc, multiplier);
    h += h >> 31; /* ties away from zero: one less where negative */
    h = (h + offset * (1 << right_shift_less_1)) >> right_shift_less_1 >> 1;
    return asc_saturate_s8(h);
}

/* Equations (13) and (14) for any accumulator and any exponent from -31 to 30. */
static inline int32_t asc_scale_wide(int32_t acc, int32_t multiplier, int32_t exponent) {
    const int32_t left = exponent > 0 ? exponent : 0;
    const int32_t right = exponent > 0 ? 0 : -exponent;
    const int32_t shifted = (int32_t)((uint32_t)acc << left);
    const int32_t h = (int32_t)(((int64_t)shifted * multiplier + (1 << 30)) >> 31);
    const int32_t mask = (int32_t)((1u << right) - 1u);
    const int32_t threshold = (mask >> 1) + (h < 0 ? 1 : 0);
    return (h >> right) + ((h & mask) > threshold ? 1 : 0);
}

/* Saturates to int8 or to the range of a fused activation. */
static inline int8_t asc_clamp(int32_t value, int32_t min, int32_t max) {
    return (int8_t)(value < min ? min : value > max ? max : value);
}

/* One channel's accumulator to its output, whichever form the operator has. */
static inline int8_t asc_requantize(const asc_requantize_t *r, int32_t channel, int32_t acc) {
    if (r->wide == 0) {
        return (int8_t)asc_requantize_narrow(acc, r->multiplier[channel], r->shift[channel], r->offset);
    }
    return asc_clamp(asc_scale_wide(acc, r->multiplier[channel], r->shift[channel]) + r->offset, r->min, r->max);
}

#endif
