/*
 * Fourier transforms of 2, 3, 4, 5 and 8 complex numbers: what the passes are made of.
 *
 * Formula   y[p] = sum_q exp(-2 pi i p q / radix) x[q]. Radix 8 joins two transforms of 4, E of the even x and O of
 *           the odd ones: y[p] = E[p] + exp(-pi i p / 4) O[p], y[p + 4] = E[p] - exp(-pi i p / 4) O[p]
 * Source    worked out by hand
 */
#ifndef ASC_FFT_BUTTERFLIES_F32_H
#define ASC_FFT_BUTTERFLIES_F32_H

#include <stdint.h>

#define ASC_ROOT_HALF_F32 0.707106781f

typedef struct {
    float re, im;
} asc_complex_f32_t;

static inline asc_complex_f32_t asc_load_f32(const float *x) {
    const asc_complex_f32_t z = {x[0], x[1]};
    return z;
}

/* x w */
static inline asc_complex_f32_t asc_load_turned_f32(const float *x, const float *w) {
    const asc_complex_f32_t z = {x[0] * w[0] - x[1] * w[1], x[0] * w[1] + x[1] * w[0]};
    return z;
}

/* x times the conjugate of w */
static inline asc_complex_f32_t asc_load_turned_back_f32(const float *x, const float *w) {
    const asc_complex_f32_t z = {x[0] * w[0] + x[1] * w[1], x[1] * w[0] - x[0] * w[1]};
    return z;
}

static inline void asc_store_f32(float *y, float re, float im) {
    y[0] = re;
    y[1] = im;
}

/* Outputs of the following lie s floats apart. */

static inline void asc_butterfly_2_f32(float *y, int32_t s, asc_complex_f32_t a, asc_complex_f32_t b) {
    asc_store_f32(y, a.re + b.re, a.im + b.im);
    asc_store_f32(y + s, a.re - b.re, a.im - b.im);
}

static inline void asc_butterfly_3_f32(float *y, int32_t s, asc_complex_f32_t a, asc_complex_f32_t b,
                                       asc_complex_f32_t c) {
    const float sine = 0.866025404f; /* sin(2 pi / 3) */
    const asc_complex_f32_t sum = {b.re + c.re, b.im + c.im};
    const asc_complex_f32_t middle = {a.re - 0.5f * sum.re, a.im - 0.5f * sum.im};
    const asc_complex_f32_t turned = {sine * (b.im - c.im), sine * (c.re - b.re)};
    asc_store_f32(y, a.re + sum.re, a.im + sum.im);
    asc_store_f32(y + s, middle.re + turned.re, middle.im + turned.im);
    asc_store_f32(y + 2 * s, middle.re - turned.re, middle.im - turned.im);
}

typedef struct {
    asc_complex_f32_t y[4];
} asc_four_f32_t;

static inline asc_four_f32_t asc_four_f32(asc_complex_f32_t a, asc_complex_f32_t b, asc_complex_f32_t c,
                                          asc_complex_f32_t d) {
    const asc_complex_f32_t ac = {a.re + c.re, a.im + c.im};
    const asc_complex_f32_t a_c = {a.re - c.re, a.im - c.im};
    const asc_complex_f32_t bd = {b.re + d.re, b.im + d.im};
    const asc_complex_f32_t b_d = {b.im - d.im, d.re - b.re}; /* (b - d) times -i */
    const asc_four_f32_t four = {{{ac.re + bd.re, ac.im + bd.im},
                                  {a_c.re + b_d.re, a_c.im + b_d.im},
                                  {ac.re - bd.re, ac.im - bd.im},
                                  {a_c.re - b_d.re, a_c.im - b_d.im}}};
    return four;
}

/* The same with d = 0, but for the signs of zeros. */
static inline asc_four_f32_t asc_four_of_3_f32(asc_complex_f32_t a, asc_complex_f32_t b, asc_complex_f32_t c) {
    const asc_complex_f32_t ac = {a.re + c.re, a.im + c.im};
    const asc_complex_f32_t a_c = {a.re - c.re, a.im - c.im};
    const asc_four_f32_t four = {{{ac.re + b.re, ac.im + b.im},
                                  {a_c.re + b.im, a_c.im - b.re},
                                  {ac.re - b.re, ac.im - b.im},
                                  {a_c.re - b.im, a_c.im + b.re}}};
    return four;
}

static inline void asc_butterfly_4_f32(float *y, int32_t s, asc_complex_f32_t a, asc_complex_f32_t b,
                                       asc_complex_f32_t c, asc_complex_f32_t d) {
    const asc_four_f32_t four = asc_four_f32(a, b, c, d);
    asc_store_f32(y, four.y[0].re, four.y[0].im);
    asc_store_f32(y + s, four.y[1].re, four.y[1].im);
    asc_store_f32(y + 2 * s, four.y[2].re, four.y[2].im);
    asc_store_f32(y + 3 * s, four.y[3].re, four.y[3].im);
}

static inline void asc_butterfly_5_f32(float *y, int32_t s, asc_complex_f32_t a, asc_complex_f32_t b,
                                       asc_complex_f32_t c, asc_complex_f32_t d, asc_complex_f32_t e) {
    const float cos_1 = 0.309016994f;  /* cos(2 pi / 5) */
    const float cos_2 = -0.809016994f; /* cos(4 pi / 5) */
    const float sin_1 = 0.951056516f;  /* sin(2 pi / 5) */
    const float sin_2 = 0.587785252f;  /* sin(4 pi / 5) */
    const asc_complex_f32_t be = {b.re + e.re, b.im + e.im};
    const asc_complex_f32_t cd = {c.re + d.re, c.im + d.im};
    const asc_complex_f32_t b_e = {b.re - e.re, b.im - e.im};
    const asc_complex_f32_t c_d = {c.re - d.re, c.im - d.im};
    const asc_complex_f32_t m1 = {a.re + cos_1 * be.re + cos_2 * cd.re, a.im + cos_1 * be.im + cos_2 * cd.im};
    const asc_complex_f32_t m2 = {a.re + cos_2 * be.re + cos_1 * cd.re, a.im + cos_2 * be.im + cos_1 * cd.im};
    const asc_complex_f32_t t1 = {sin_1 * b_e.im + sin_2 * c_d.im, -sin_1 * b_e.re - sin_2 * c_d.re};
    const asc_complex_f32_t t2 = {sin_2 * b_e.im - sin_1 * c_d.im, sin_1 * c_d.re - sin_2 * b_e.re};
    asc_store_f32(y, a.re + be.re + cd.re, a.im + be.im + cd.im);
    asc_store_f32(y + s, m1.re + t1.re, m1.im + t1.im);
    asc_store_f32(y + 2 * s, m2.re + t2.re, m2.im + t2.im);
    asc_store_f32(y + 3 * s, m2.re - t2.re, m2.im - t2.im);
    asc_store_f32(y + 4 * s, m1.re - t1.re, m1.im - t1.im);
}

/* even: transform of inputs 0, 2, 4, 6; odd: of inputs 1, 3, 5, 7 */
static inline void asc_butterfly_8_f32(float *y, int32_t s, asc_four_f32_t even, asc_four_f32_t odd) {
    const asc_complex_f32_t *const e = even.y;
    const asc_complex_f32_t *const o = odd.y;
    asc_store_f32(y, e[0].re + o[0].re, e[0].im + o[0].im);
    asc_store_f32(y + 4 * s, e[0].re - o[0].re, e[0].im - o[0].im);
    asc_store_f32(y + 2 * s, e[2].re + o[2].im, e[2].im - o[2].re);
    asc_store_f32(y + 6 * s, e[2].re - o[2].im, e[2].im + o[2].re);
    const asc_complex_f32_t o1 = {(o[1].re + o[1].im) * ASC_ROOT_HALF_F32, (o[1].im - o[1].re) * ASC_ROOT_HALF_F32};
    asc_store_f32(y + s, e[1].re + o1.re, e[1].im + o1.im);
    asc_store_f32(y + 5 * s, e[1].re - o1.re, e[1].im - o1.im);
    const asc_complex_f32_t o3 = {(o[3].im - o[3].re) * ASC_ROOT_HALF_F32, (o[3].re + o[3].im) * -ASC_ROOT_HALF_F32};
    asc_store_f32(y + 3 * s, e[3].re + o3.re, e[3].im + o3.im);
    asc_store_f32(y + 7 * s, e[3].re - o3.re, e[3].im - o3.im);
}

static inline asc_complex_f32_t asc_windowed_f32(const int16_t *x, const float *v) {
    const asc_complex_f32_t z = {(float)x[0] * v[0], (float)x[1] * v[1]};
    return z;
}

#endif
