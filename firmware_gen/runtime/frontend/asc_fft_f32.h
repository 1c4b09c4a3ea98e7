/*
 * Passes of the complex Fourier transform in float32, in place, decimation in time.
 *
 * Formula   a pass joins `radix` transforms of length m into one of length m * radix:
 *           X[j + p m] = sum_q exp(-2 pi i p q / radix) * (exp(-2 pi i j q / (m radix)) * x_q[j])   (1)
 *           The first pass (asc_fft_window_f32.h) starts from the inputs in digit-reversed order, the last one
 *           (asc_fft_power_f32.h) leaves the power of the bins.
 * Shapes    x complex [n], up to end; twiddles complex [m][radix - 1], in the order they are read
 * Error     of a bin, relative to the sum of the window times full scale, the largest there could be: below 2e-7 for
 *           lengths up to 4,096, measured 9.3e-8 by tests/codegen/test_frontend_transform.py
 * Exact     the same bits on every core with IEEE floats, as long as no multiplication is fused with an addition
 *           (-ffp-contract=off)
 * Source    J. W. Cooley, J. W. Tukey, "An algorithm for the machine calculation of complex Fourier series",
 *           Mathematics of Computation 19 (1965), 297-301
 */
#ifndef ASC_FFT_F32_H
#define ASC_FFT_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void asc_fft_pass_2_f32(float *x, const float *end, int32_t m, const float *twiddles);
void asc_fft_pass_3_f32(float *x, const float *end, int32_t m, const float *twiddles);
void asc_fft_pass_4_f32(float *x, const float *end, int32_t m, const float *twiddles);
void asc_fft_pass_5_f32(float *x, const float *end, int32_t m, const float *twiddles);
void asc_fft_pass_8_f32(float *x, const float *end, int32_t m, const float *twiddles);

#ifdef __cplusplus
}
#endif

#endif
