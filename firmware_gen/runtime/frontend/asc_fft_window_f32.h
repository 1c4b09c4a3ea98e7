/*
 * First pass of the Fourier transform of real samples: window, then transforms of 8 or 4 complex numbers.
 *
 * Formula   z[n] = v[2n] x[2n] + i v[2n + 1] x[2n + 1], x the samples, v the window, n from 0 to n_fft / 2 - 1    (2)
 *           then equation (1) of asc_fft_f32.h with m = 1: transform b takes z[order[b] / 2 + q n_fft / (2 radix)]
 *           A window shorter than n_fft stands at its beginning (only the phase depends on where), so that the last
 *           inputs of every transform are zeros: `_8x6` takes the first 6 of 8.
 * Shapes    samples int16 [inputs][n_fft / radix]; window float [transforms][inputs][2], in the order it is read;
 *           order uint16 [transforms], position of the first sample; x complex [n_fft / 2]
 * Range     samples past the window are read and multiplied by zeros
 *
 * asc_fft_window_8x6_f32 is in assembler in a file of its name, see asc_fft_registers_f32.h, or in C in
 * asc_fft_window_8x6_portable_f32.c. asc_fft_window_any_f32 only stores (2) in digit-reversed order, for lengths that
 * no such pass fits: order is uint16 [n_fft / 2], twice the place of each input, window float [win_length].
 */
#ifndef ASC_FFT_WINDOW_F32_H
#define ASC_FFT_WINDOW_F32_H

/* offsets of the fields of asc_fft_window_f32_t in bytes, for assembler */
#define ASC_FFT_WINDOW_N_FFT 0
#define ASC_FFT_WINDOW_WINDOW 8
#define ASC_FFT_WINDOW_ORDER 12

#ifndef __ASSEMBLER__

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t n_fft, win_length;
    const float *window;
    const uint16_t *order;
} asc_fft_window_f32_t;

void asc_fft_window_8x8_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x);
void asc_fft_window_8x6_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x);
void asc_fft_window_8x4_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x);
void asc_fft_window_4x4_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x);
void asc_fft_window_4x3_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x);
void asc_fft_window_any_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x);

#ifdef __cplusplus
}
#endif

#endif

#endif
