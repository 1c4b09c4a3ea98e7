/*
 * Passes of the complex Fourier transform in 32-bit integers, in place, decimation in time, for cores without floats.
 *
 * Formula   equation (1) of asc_fft_f32.h, divided by `radix`: all passes together divide by the number of points.
 *           Twiddle factors hold that division, exp(-2 pi i j q / (m radix)) * 2^32 / radix, rounded.
 * Shapes    x complex [n], up to end; twiddles complex int32 [m][radix - 1], in the order they are read
 * Overflow  none as long as inputs are at most 2^30.5 in magnitude: a mean of such numbers is no larger
 * Error     absolute, of a complex number: a pass cuts off less than 1 unit per part of each of its inputs and passes
 *           on the mean of the errors before it: less than 2 radix units each pass, 2 more in radices 3 and 5, whose
 *           constants are rounded; rounded factors included: 44 units for 2,048 points, 6 measured
 * Exact     integers: the same bits on every core
 * Source    as asc_fft_f32.h; scaling by the length as in P. D. Welch, "A fixed-point fast Fourier transform error
 *           analysis", IEEE Trans. Audio and Electroacoustics 17 (1969), 151-157
 */
#ifndef ASC_FFT_S32_H
#define ASC_FFT_S32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void asc_fft_pass_2_s32(int32_t *x, const int32_t *end, int32_t m, const int32_t *twiddles);
void asc_fft_pass_3_s32(int32_t *x, const int32_t *end, int32_t m, const int32_t *twiddles);
void asc_fft_pass_4_s32(int32_t *x, const int32_t *end, int32_t m, const int32_t *twiddles);
void asc_fft_pass_5_s32(int32_t *x, const int32_t *end, int32_t m, const int32_t *twiddles);

#ifdef __cplusplus
}
#endif

#endif
