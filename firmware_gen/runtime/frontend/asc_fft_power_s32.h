/*
 * Last step of the Fourier transform of real samples in integers: the power of the bins, in 64 bits.
 *
 * Formula   equations (3) and (4) of asc_fft_power_f32.h, divided by 2, then squared. With windowed samples v of at
 *           most 2^31, half of which asc_fft_window_s32.h takes, X[k] is their transform / n_fft
 * Shapes    x complex int32 [n_fft / 2] in; power of bin k in the words 2 k (lower half) and 2 k + 1, k from 0 to
 *           n_fft / 2, out; turns complex int32 [n_fft / 4], exp(-2 pi i k / n_fft) * (2^31 - 1) from k = 1
 * Overflow  none: |X[k]| is at most 2^31 times the mean of the window over n_fft samples, and that is 0.54
 * Error     of X[k]: twice that of Z, and 4 units
 */
#ifndef ASC_FFT_POWER_S32_H
#define ASC_FFT_POWER_S32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void asc_fft_power_s32(int32_t *x, int32_t n_fft, const int32_t *turns);

/* Powers to their roots times 2^16, in place, n of them: relative error 2^-16. */
void asc_fft_magnitude_s32(int32_t *x, int32_t n);

#ifdef __cplusplus
}
#endif

#endif
