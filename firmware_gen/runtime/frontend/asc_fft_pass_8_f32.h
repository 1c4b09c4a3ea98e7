/*
 * Pass of radix 8: equation (1) of asc_fft_f32.h. In assembler in asc_fft_pass_8_f32.S, see asc_fft_registers_f32.h, or
 * in C in asc_fft_f32.c.
 */
#ifndef ASC_FFT_PASS_8_F32_H
#define ASC_FFT_PASS_8_F32_H

#include "asc_fft_registers_f32.h"

#ifndef __ASSEMBLER__

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void asc_fft_pass_8_f32(float *x, const float *end, int32_t m, const float *twiddles);

#ifdef __cplusplus
}
#endif

#endif

#endif
