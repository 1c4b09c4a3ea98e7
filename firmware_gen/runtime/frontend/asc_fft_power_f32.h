/*
 * Last pass of the Fourier transform of real samples: the power of the bins.
 *
 * Formula   with N = n_fft / 2, Z the complex transform of asc_fft_window_f32.h's z, whose window holds a factor 1/2:
 *           E = Z[k] + conj Z[N - k],  O = -i (Z[k] - conj Z[N - k])                                              (3)
 *           X[k] = E + t[k] O,  |X[N - k]| = |E - t[k] O|,  t[k] = exp(-2 pi i k / n_fft)                         (4)
 *           asc_fft_power_any_f32 takes Z; asc_fft_power_4_f32 makes it first, by a pass of radix 4 (m = N / 4).
 *           There the transforms of j and m - j give four pairs of (4); what belongs to m - j is conjugate:
 *           w[m - j]^q = (-i)^q conj(w[j]^q), which only turns the outputs by one: Z[m - j + p m] is output p + 1
 *           mod 4 of the transform of conj(w[j]^q) z_q[m - j]; t[k + m] = exp(-pi i / 4) t[k] and
 *           t[k + 2 m] = -i t[k]                                                                                (5)
 * Shapes    x complex [N] in; power of bin k at x[2 k], k from 0 to N, out
 *           any: table complex [N / 2], t[k] from k = 1; 4: table complex [m / 2][4], from j = 1:
 *           w[j], w[j]^2, w[j]^3, t[j]; t[j + m] is made of it
 *
 * asc_fft_power_pairs_f32 is the part of asc_fft_power_4_f32 for all j but 0, in assembler in a file of its name, see
 * asc_fft_registers_f32.h, or in C in asc_fft_power_pairs_portable_f32.c.
 */
#ifndef ASC_FFT_POWER_F32_H
#define ASC_FFT_POWER_F32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void asc_fft_power_4_f32(float *x, int32_t n_fft, const float *table);
void asc_fft_power_pairs_f32(float *x, int32_t n_fft, const float *table);
void asc_fft_power_any_f32(float *x, int32_t n_fft, const float *table);

#ifdef __cplusplus
}
#endif

#endif
