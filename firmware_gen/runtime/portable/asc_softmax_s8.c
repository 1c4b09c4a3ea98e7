/*
 * SOFTMAX over the last axis.
 *
 * Formula   y[c] = round(256 * e[c] / sum(e)) - 128, e[c] = exponentials[max(x) - x[c]] in Q0.31
 *           1 / sum by Newton's method: with d = sum * 2^-k from 1/2 to 1,
 *           r <- r + r (1 - d r), three times from r = 48/17 - 32/17 d
 * Shapes    input and output [rows][columns]
 * Overflow  the sum is in Q12.19; at 512, which takes more than 511 columns, it is not added to any more
 * Overlap   a row is read before it is written: the output may lie over the input
 * Exact     TFLite BUILTIN_REF, where the sum is below 512. From there on TFLite shifts by more than 31 bits, which C
 *           does not define. The formula gives -128 then: no probability reaches 1/512
 * Source    docs/quantization.md, equation (24); TFLite's fixed-point softmax; Newton's division as in D. Knuth,
 *           The Art of Computer Programming, 4.3.3
 */
#include "asc_kernels.h"

#define SUM_SHIFT 12
#define SUM_LIMIT (512 << (31 - SUM_SHIFT))

/* Product of two Q0.31 numbers, ties up. */
static int32_t high_multiply(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* Ties away from zero; the values here are not negative. */
static int32_t rounding_shift(int32_t value, int32_t exponent) {
    const int32_t mask = (int32_t)((1u << exponent) - 1u);
    return (value >> exponent) + ((value & mask) > (mask >> 1) ? 1 : 0);
}

/* value * 2^shift, saturated. */
static int32_t saturating_shift(int32_t value, int32_t shift) {
    const int64_t wide = (int64_t)value * (1 << shift);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* 1 / (1 + x) in Q0.31, for x in Q0.31 from 0 to 1. */
static int32_t reciprocal(int32_t x) {
    const int32_t half_denominator = (int32_t)(((uint32_t)x + 0x80000000u) >> 1);
    /* Q2.29 */
    int32_t r = 1515870810 + high_multiply(half_denominator, -1010580540);
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t error = (1 << 29) - high_multiply(half_denominator, r);
        r += saturating_shift(high_multiply(r, error), 2);
    }
    return saturating_shift(r, 1);
}

void asc_softmax_s8(const asc_softmax_t *p, const int8_t *input, int8_t *output) {
    for (int32_t row = 0; row < p->rows; ++row) {
        int32_t largest = input[0];
        for (int32_t c = 1; c < p->columns; ++c) {
            largest = input[c] > largest ? input[c] : largest;
        }
        int32_t sum = 0;
        for (int32_t c = 0; c < p->columns && sum < SUM_LIMIT; ++c) {
            sum += rounding_shift(p->exponentials[largest - input[c]], SUM_SHIFT);
        }
        if (sum >= SUM_LIMIT) {
            for (int32_t c = 0; c < p->columns; ++c) {
                output[c] = -128;
            }
            input += p->columns;
            output += p->columns;
            continue;
        }
        /* the sum is at least 2^19: normalize it to 1 + x */
        int32_t over_unit = SUM_SHIFT;
        uint32_t normalized = (uint32_t)sum;
        while ((normalized & 0x80000000u) == 0u) {
            normalized <<= 1;
            --over_unit;
        }
        const int32_t scale = reciprocal((int32_t)(normalized - 0x80000000u));
        for (int32_t c = 0; c < p->columns; ++c) {
            const int32_t e = high_multiply(scale, p->exponentials[largest - input[c]]);
            const int32_t q = rounding_shift(e, over_unit + 31 - 8) - 128;
            output[c] = (int8_t)(q > 127 ? 127 : q);
        }
        input += p->columns;
        output += p->columns;
    }
}
