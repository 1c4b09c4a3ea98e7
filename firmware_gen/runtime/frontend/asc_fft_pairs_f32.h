/* Pairs of bins of the last pass: see asc_fft_power_f32.h. */
#ifndef ASC_FFT_PAIRS_F32_H
#define ASC_FFT_PAIRS_F32_H

#include "asc_fft_butterflies_f32.h"

static inline float asc_power_f32(float re, float im) {
    return re * re + im * im;
}

/* Equations (3) and (4): powers of bins k and N - k from Z[k] and Z[N - k]. */
static inline void asc_pair_f32(float *k, float *n_k, asc_complex_f32_t a, asc_complex_f32_t b, asc_complex_f32_t t) {
    const asc_complex_f32_t e = {a.re + b.re, a.im - b.im};
    const asc_complex_f32_t o = {a.im + b.im, b.re - a.re};
    const asc_complex_f32_t u = {o.re * t.re - o.im * t.im, o.re * t.im + o.im * t.re};
    *k = asc_power_f32(e.re + u.re, e.im + u.im);
    *n_k = asc_power_f32(e.re - u.re, e.im - u.im);
}

/* The same with -i t. */
static inline void asc_pair_turned_f32(float *k, float *n_k, asc_complex_f32_t a, asc_complex_f32_t b,
                                       asc_complex_f32_t t) {
    const asc_complex_f32_t e = {a.re + b.re, a.im - b.im};
    const asc_complex_f32_t o = {a.im + b.im, b.re - a.re};
    const asc_complex_f32_t u = {o.re * t.re - o.im * t.im, o.re * t.im + o.im * t.re};
    *k = asc_power_f32(e.re + u.im, e.im - u.re);
    *n_k = asc_power_f32(e.re - u.im, e.im + u.re);
}

/* Bins 0 and N, from Z[0]. */
static inline void asc_ends_f32(float *x, int32_t n_fft, asc_complex_f32_t z) {
    const float sum = 2.0f * (z.re + z.im);
    const float difference = 2.0f * (z.re - z.im);
    x[0] = sum * sum;
    x[n_fft] = difference * difference;
}

#endif
