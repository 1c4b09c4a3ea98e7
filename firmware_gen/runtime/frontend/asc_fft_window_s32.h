/*
 * First pass of the Fourier transform of real samples in integers: window, then transforms of 4 complex numbers.
 *
 * Formula   equation (2) of asc_fft_window_f32.h; a sample times `gain`, a power of two, times the window, / 2^32.
 *           Window factors are rounded to 1 / 2^31; order and shapes as there, window int32
 * Range     |sample * gain| at most 2^31, so that |x| is at most 2^30.5: half of the windowed sample
 *
 * asc_fft_window_any_s32 only stores (2) in digit-reversed order.
 */
#ifndef ASC_FFT_WINDOW_S32_H
#define ASC_FFT_WINDOW_S32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t n_fft, win_length;
    const int32_t *window;
    const uint16_t *order;
} asc_fft_window_s32_t;

void asc_fft_window_4x4_s32(const asc_fft_window_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x);
void asc_fft_window_4x3_s32(const asc_fft_window_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x);
void asc_fft_window_any_s32(const asc_fft_window_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x);

#ifdef __cplusplus
}
#endif

#endif
