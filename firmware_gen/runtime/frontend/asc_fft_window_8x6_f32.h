/*
 * First pass of radix 8 with windows of three quarters of n_fft: equation (2) of asc_fft_window_f32.h. In assembler in
 * asc_fft_window_8x6_f32.S, see asc_fft_registers_f32.h, or in C in asc_fft_window_f32.c.
 */
#ifndef ASC_FFT_WINDOW_8X6_F32_H
#define ASC_FFT_WINDOW_8X6_F32_H

#include "asc_fft_registers_f32.h"

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

void asc_fft_window_8x6_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x);

#ifdef __cplusplus
}
#endif

#endif

#endif
