/*
 * Where passes of the transform are in assembler.
 *
 * Cores of the Armv7E-M and Armv8-M architectures with single-precision registers have the passes that take most of the
 * time in assembler, in files of their own, all others in C, in files that end in _portable_f32.c, with the same bits.
 */
#ifndef ASC_FFT_REGISTERS_F32_H
#define ASC_FFT_REGISTERS_F32_H

/* __ARM_FP has bit 2 where there are instructions for floats; they are of use with floats in their registers alone */
#if defined(__thumb2__) && defined(__ARM_FP) && defined(__ARM_ARCH_PROFILE)
#if __ARM_ARCH_PROFILE == 'M' && (__ARM_FP & 4) != 0
#define ASC_FFT_REGISTERS_F32
#endif
#endif

#endif
