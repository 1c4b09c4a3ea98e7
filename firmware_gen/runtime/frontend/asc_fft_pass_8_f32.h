/*
 * Pass of radix 8: equation (1) of asc_fft_f32.h.
 *
 * It takes most of the transform's time. Cores of the Armv7E-M and Armv8-M architectures with single-precision
 * registers have it in assembler, in asc_fft_pass_8_f32.S, all others in C, in asc_fft_f32.c, with the same bits.
 */
#ifndef ASC_FFT_PASS_8_F32_H
#define ASC_FFT_PASS_8_F32_H

/* __ARM_FP has bit 2 where there are instructions for floats; they are of use with floats in their registers alone */
#if defined(__thumb2__) && defined(__ARM_FP) && defined(__ARM_ARCH_PROFILE)
#if __ARM_ARCH_PROFILE == 'M' && (__ARM_FP & 4) != 0
#define ASC_FFT_REGISTERS_F32
#endif
#endif

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
