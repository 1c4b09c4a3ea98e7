/*
 * Fourier transforms of 2, 3, 4 and 5 complex integers, divided by their number: what the passes are made of.
 *
 * Formula   y[p] = 1/radix sum_q exp(-2 pi i p q / radix) x[q], from inputs that are already divided (a 32-bit product
 *           with a factor of 2^32 / radix keeps the upper half)
 * Range     |x[q]| at most 2^30.5 before the division: |y[p]| is too, and no sum of parts reaches 2^31
 * Error     products are rounded down, by half a unit on the average. In y[0] that adds up, in the others it cancels:
 *           y[0] gets radix / 2 back
 * Source    worked out by hand
 */
#ifndef ASC_FFT_BUTTERFLIES_S32_H
#define ASC_FFT_BUTTERFLIES_S32_H

#include <stdint.h>

typedef struct {
    int32_t re, im;
} asc_complex_s32_t;

/* x w / 2^32; right shifts of negative numbers keep the sign on every compiler there is */
static inline int32_t asc_scaled_s32(int32_t x, int32_t w) {
    return (int32_t)(((int64_t)x * w) >> 32);
}

static inline asc_complex_s32_t asc_load_s32(const int32_t *x, int32_t w) {
    const asc_complex_s32_t z = {asc_scaled_s32(x[0], w), asc_scaled_s32(x[1], w)};
    return z;
}

static inline asc_complex_s32_t asc_load_shifted_s32(const int32_t *x, int32_t shift) {
    const asc_complex_s32_t z = {x[0] >> shift, x[1] >> shift};
    return z;
}

/* x w / 2^32 of complex numbers; a sum of products is one instruction less than a difference */
static inline asc_complex_s32_t asc_load_turned_s32(const int32_t *x, const int32_t *w) {
    const asc_complex_s32_t z = {(int32_t)(((int64_t)x[0] * w[0] + (int64_t)-x[1] * w[1]) >> 32),
                                 (int32_t)(((int64_t)x[0] * w[1] + (int64_t)x[1] * w[0]) >> 32)};
    return z;
}

/* (x u + y v) / 2^31, rounded */
static inline int32_t asc_weighted_s32(int32_t x, int32_t u, int32_t y, int32_t v) {
    return (int32_t)(((int64_t)x * u + (int64_t)y * v + (1 << 30)) >> 31);
}

static inline void asc_store_s32(int32_t *y, int32_t re, int32_t im) {
    y[0] = re;
    y[1] = im;
}

/* Outputs of the following lie s words apart. */

static inline void asc_butterfly_2_s32(int32_t *y, int32_t s, asc_complex_s32_t a, asc_complex_s32_t b) {
    asc_store_s32(y, a.re + b.re + 1, a.im + b.im + 1);
    asc_store_s32(y + s, a.re - b.re, a.im - b.im);
}

static inline void asc_butterfly_3_s32(int32_t *y, int32_t s, asc_complex_s32_t a, asc_complex_s32_t b,
                                       asc_complex_s32_t c) {
    const int32_t sine = 1859775393; /* sin(2 pi / 3) 2^31 */
    const asc_complex_s32_t sum = {b.re + c.re, b.im + c.im};
    const asc_complex_s32_t middle = {a.re - (sum.re >> 1), a.im - (sum.im >> 1)};
    const asc_complex_s32_t turned = {asc_weighted_s32(b.im - c.im, sine, 0, 0),
                                      asc_weighted_s32(c.re - b.re, sine, 0, 0)};
    asc_store_s32(y, a.re + sum.re + 1, a.im + sum.im + 1);
    asc_store_s32(y + s, middle.re + turned.re, middle.im + turned.im);
    asc_store_s32(y + 2 * s, middle.re - turned.re, middle.im - turned.im);
}

static inline void asc_butterfly_4_s32(int32_t *y, int32_t s, asc_complex_s32_t a, asc_complex_s32_t b,
                                       asc_complex_s32_t c, asc_complex_s32_t d) {
    const asc_complex_s32_t ac = {a.re + c.re, a.im + c.im};
    const asc_complex_s32_t a_c = {a.re - c.re, a.im - c.im};
    const asc_complex_s32_t bd = {b.re + d.re, b.im + d.im};
    const asc_complex_s32_t b_d = {b.im - d.im, d.re - b.re}; /* (b - d) times -i */
    asc_store_s32(y, ac.re + bd.re + 2, ac.im + bd.im + 2);
    asc_store_s32(y + s, a_c.re + b_d.re, a_c.im + b_d.im);
    asc_store_s32(y + 2 * s, ac.re - bd.re, ac.im - bd.im);
    asc_store_s32(y + 3 * s, a_c.re - b_d.re, a_c.im - b_d.im);
}

static inline void asc_butterfly_5_s32(int32_t *y, int32_t s, asc_complex_s32_t a, asc_complex_s32_t b,
                                       asc_complex_s32_t c, asc_complex_s32_t d, asc_complex_s32_t e) {
    const int32_t cos_1 = 663608942;   /* cos(2 pi / 5) 2^31 */
    const int32_t cos_2 = -1737350766; /* cos(4 pi / 5) 2^31 */
    const int32_t sin_1 = 2042378317;  /* sin(2 pi / 5) 2^31 */
    const int32_t sin_2 = 1262259218;  /* sin(4 pi / 5) 2^31 */
    const asc_complex_s32_t be = {b.re + e.re, b.im + e.im};
    const asc_complex_s32_t cd = {c.re + d.re, c.im + d.im};
    const asc_complex_s32_t b_e = {b.re - e.re, b.im - e.im};
    const asc_complex_s32_t c_d = {c.re - d.re, c.im - d.im};
    const asc_complex_s32_t m1 = {a.re + asc_weighted_s32(be.re, cos_1, cd.re, cos_2),
                                  a.im + asc_weighted_s32(be.im, cos_1, cd.im, cos_2)};
    const asc_complex_s32_t m2 = {a.re + asc_weighted_s32(be.re, cos_2, cd.re, cos_1),
                                  a.im + asc_weighted_s32(be.im, cos_2, cd.im, cos_1)};
    const asc_complex_s32_t t1 = {asc_weighted_s32(b_e.im, sin_1, c_d.im, sin_2),
                                  asc_weighted_s32(b_e.re, -sin_1, c_d.re, -sin_2)};
    const asc_complex_s32_t t2 = {asc_weighted_s32(b_e.im, sin_2, c_d.im, -sin_1),
                                  asc_weighted_s32(b_e.re, -sin_2, c_d.re, sin_1)};
    asc_store_s32(y, a.re + be.re + cd.re + 2, a.im + be.im + cd.im + 2);
    asc_store_s32(y + s, m1.re + t1.re, m1.im + t1.im);
    asc_store_s32(y + 2 * s, m2.re + t2.re, m2.im + t2.im);
    asc_store_s32(y + 3 * s, m2.re - t2.re, m2.im - t2.im);
    asc_store_s32(y + 4 * s, m1.re - t1.re, m1.im - t1.im);
}

static inline int32_t asc_windowed_s32(int32_t x, int32_t gain, int32_t v) {
    /* unsigned, because samples past the window may be louder than the gain allows: 0 times anything is 0 */
    return asc_scaled_s32((int32_t)((uint32_t)x * (uint32_t)gain), v);
}

/* Divided by 4, for a butterfly of that radix. */
static inline asc_complex_s32_t asc_windowed_4_s32(const int16_t *x, int32_t gain, const int32_t *v) {
    const asc_complex_s32_t z = {asc_windowed_s32(x[0], gain, v[0]) >> 2, asc_windowed_s32(x[1], gain, v[1]) >> 2};
    return z;
}

#endif
