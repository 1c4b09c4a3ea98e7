/* Last pass of the Fourier transform: see asc_fft_power_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_power_f32.h"

#include "asc_fft_butterflies_f32.h"

static inline float power(float re, float im) {
    return re * re + im * im;
}

/* Equations (3) and (4): powers of bins k and N - k from Z[k] and Z[N - k]. */
static inline void pair(float *k, float *n_k, asc_complex_f32_t a, asc_complex_f32_t b, asc_complex_f32_t t) {
    const asc_complex_f32_t e = {a.re + b.re, a.im - b.im};
    const asc_complex_f32_t o = {a.im + b.im, b.re - a.re};
    const asc_complex_f32_t u = {o.re * t.re - o.im * t.im, o.re * t.im + o.im * t.re};
    *k = power(e.re + u.re, e.im + u.im);
    *n_k = power(e.re - u.re, e.im - u.im);
}

/* The same with -i t. */
static inline void pair_turned(float *k, float *n_k, asc_complex_f32_t a, asc_complex_f32_t b, asc_complex_f32_t t) {
    const asc_complex_f32_t e = {a.re + b.re, a.im - b.im};
    const asc_complex_f32_t o = {a.im + b.im, b.re - a.re};
    const asc_complex_f32_t u = {o.re * t.re - o.im * t.im, o.re * t.im + o.im * t.re};
    *k = power(e.re + u.im, e.im - u.re);
    *n_k = power(e.re - u.im, e.im + u.re);
}

/* Bins 0 and N, from Z[0]. */
static inline void ends(float *x, int32_t n_fft, asc_complex_f32_t z) {
    const float sum = 2.0f * (z.re + z.im);
    const float difference = 2.0f * (z.re - z.im);
    x[0] = sum * sum;
    x[n_fft] = difference * difference;
}

void asc_fft_power_4_f32(float *x, int32_t n_fft, const float *table) {
    const int32_t s = n_fft / 4; /* floats of m complex numbers */
    const float *w = table;
    float *a = x + 2;
    float *b = x + s - 2;
    /* all is read before anything is written: where j is m - j, both give the same and write it twice */
    for (; a <= b; a += 2, b -= 2, w += 10) {
        const asc_four_f32_t z =
            asc_four_f32(asc_load_f32(a), asc_load_turned_f32(a + s, w), asc_load_turned_f32(a + 2 * s, w + 2),
                         asc_load_turned_f32(a + 3 * s, w + 4));
        const asc_four_f32_t y =
            asc_four_f32(asc_load_f32(b), asc_load_turned_back_f32(b + s, w),
                         asc_load_turned_back_f32(b + 2 * s, w + 2), asc_load_turned_back_f32(b + 3 * s, w + 4));
        const asc_complex_f32_t t = asc_load_f32(w + 6);
        const asc_complex_f32_t u = asc_load_f32(w + 8);
        pair(a, b + 3 * s, z.y[0], y.y[0], t);
        pair_turned(a + 2 * s, b + s, z.y[2], y.y[2], t);
        pair(a + s, b + 2 * s, z.y[1], y.y[3], u);
        pair_turned(a + 3 * s, b, z.y[3], y.y[1], u);
    }
    const asc_complex_f32_t eighth = {ASC_ROOT_HALF_F32, -ASC_ROOT_HALF_F32};
    const asc_four_f32_t z =
        asc_four_f32(asc_load_f32(x), asc_load_f32(x + s), asc_load_f32(x + 2 * s), asc_load_f32(x + 3 * s));
    ends(x, n_fft, z.y[0]);
    pair(x + s, x + 3 * s, z.y[1], z.y[3], eighth);
    x[2 * s] = 4.0f * power(z.y[2].re, z.y[2].im);
}

void asc_fft_power_any_f32(float *x, int32_t n_fft, const float *table) {
    const float *t = table;
    float *a = x + 2;
    float *b = x + n_fft - 2;
    for (; a <= b; a += 2, b -= 2, t += 2) {
        pair(a, b, asc_load_f32(a), asc_load_f32(b), asc_load_f32(t));
    }
    ends(x, n_fft, asc_load_f32(x));
}
