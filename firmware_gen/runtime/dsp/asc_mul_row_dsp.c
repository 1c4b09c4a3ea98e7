/*
 * MUL of a row and of one factor for each of its channels, or one for each of its columns.
 *
 * Formula   y = clamp(zero + S((x1 - zero_1) * (x2 - zero_2))), equation (19) of docs/quantization.md, as (15'') with
 *           p = 8 and s = 12: u = x * f + (b - zero * f) with f = 256 (x2 - zero_2), which a run of elements shares.
 * Shapes    the row and the output: `runs` runs of `length` elements; one factor for each run
 * Overflow  |u| < 2^25
 * Overlap   each element is read before it is written: the output may lie over the row
 * Exact     TFLite BUILTIN_REF; the generator has proved the constants
 * Source    SMMLA, SSAT: Armv7-M Architecture Reference Manual, A7.7
 */
#include "asc_intrinsics_dsp.h"
#include "asc_kernels_dsp.h"

void asc_mul_row_dsp(const asc_mul_row_dsp_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output) {
    const asc_mul_row_dsp_t q = *p; /* out of reach of stores to the output */
    const int8_t *row = q.second_is_row != 0 ? input_2 : input_1;
    const int8_t *factor = q.second_is_row != 0 ? input_1 : input_2;
    const int32_t span = q.length * q.element_step;
    for (int32_t run = 0; run < q.runs; ++run, row += q.run_step, output += q.run_step) {
        const int32_t f = (factor[run] - q.zero_point_factor) * 256;
        const int32_t start = q.addend - q.zero_point_row * f;
        for (int32_t at = 0; at < span; at += q.element_step) {
            const int32_t u = row[at] * f + start;
            const int32_t high = asc_smmla(u, q.multiplier, q.rounding);
            output[at] = (int8_t)asc_saturate_s8_12(high + (u >> 31) * q.negative);
        }
    }
}
