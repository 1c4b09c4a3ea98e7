/*
 * Complex Fourier transform with radices 2, 3, 4 and 5, in place, decimation in time.
 *
 * Formula   each pass joins `radix` transforms of length m into one of length m * radix:
 *           X[j + p m] = sum_q exp(-2 pi i p q / radix) * (exp(-2 pi i j q / (m radix)) * x_q[j])   (1)
 *           starting from the inputs in digit-reversed order.
 * Error     relative to the largest bin about 1e-7 times the number of passes; tests/codegen/test_frontend_c.py
 * Source    J. W. Cooley, J. W. Tukey, "An algorithm for the machine calculation of complex Fourier series",
 *           Mathematics of Computation 19 (1965), 297-301; equation (1) for small radices worked out by hand.
 */
#include "asc_frontend.h"

typedef struct {
    float re, im;
} complex_t;

static inline complex_t load(const float *x) {
    const complex_t z = {x[0], x[1]};
    return z;
}

static inline complex_t load_turned(const float *x, const float *w) {
    const complex_t z = {x[0] * w[0] - x[1] * w[1], x[0] * w[1] + x[1] * w[0]};
    return z;
}

static inline void store(float *x, float re, float im) {
    x[0] = re;
    x[1] = im;
}

static inline void butterfly_2(float *x, int32_t s, complex_t a, complex_t b) {
    store(x, a.re + b.re, a.im + b.im);
    store(x + s, a.re - b.re, a.im - b.im);
}

static inline void butterfly_3(float *x, int32_t s, complex_t a, complex_t b, complex_t c) {
    const float sine = 0.866025404f; /* sin(2 pi / 3) */
    const complex_t sum = {b.re + c.re, b.im + c.im};
    const complex_t middle = {a.re - 0.5f * sum.re, a.im - 0.5f * sum.im};
    const complex_t turned = {sine * (b.im - c.im), sine * (c.re - b.re)};
    store(x, a.re + sum.re, a.im + sum.im);
    store(x + s, middle.re + turned.re, middle.im + turned.im);
    store(x + 2 * s, middle.re - turned.re, middle.im - turned.im);
}

static inline void butterfly_4(float *x, int32_t s, complex_t a, complex_t b, complex_t c, complex_t d) {
    const complex_t ac = {a.re + c.re, a.im + c.im};
    const complex_t a_c = {a.re - c.re, a.im - c.im};
    const complex_t bd = {b.re + d.re, b.im + d.im};
    const complex_t b_d = {b.im - d.im, d.re - b.re}; /* (b - d) times -i */
    store(x, ac.re + bd.re, ac.im + bd.im);
    store(x + s, a_c.re + b_d.re, a_c.im + b_d.im);
    store(x + 2 * s, ac.re - bd.re, ac.im - bd.im);
    store(x + 3 * s, a_c.re - b_d.re, a_c.im - b_d.im);
}

static inline void butterfly_5(float *x, int32_t s, complex_t a, complex_t b, complex_t c, complex_t d, complex_t e) {
    const float cos_1 = 0.309016994f;  /* cos(2 pi / 5) */
    const float cos_2 = -0.809016994f; /* cos(4 pi / 5) */
    const float sin_1 = 0.951056516f;  /* sin(2 pi / 5) */
    const float sin_2 = 0.587785252f;  /* sin(4 pi / 5) */
    const complex_t be = {b.re + e.re, b.im + e.im};
    const complex_t cd = {c.re + d.re, c.im + d.im};
    const complex_t b_e = {b.re - e.re, b.im - e.im};
    const complex_t c_d = {c.re - d.re, c.im - d.im};
    const complex_t m1 = {a.re + cos_1 * be.re + cos_2 * cd.re, a.im + cos_1 * be.im + cos_2 * cd.im};
    const complex_t m2 = {a.re + cos_2 * be.re + cos_1 * cd.re, a.im + cos_2 * be.im + cos_1 * cd.im};
    const complex_t t1 = {sin_1 * b_e.im + sin_2 * c_d.im, -sin_1 * b_e.re - sin_2 * c_d.re};
    const complex_t t2 = {sin_2 * b_e.im - sin_1 * c_d.im, sin_1 * c_d.re - sin_2 * b_e.re};
    store(x, a.re + be.re + cd.re, a.im + be.im + cd.im);
    store(x + s, m1.re + t1.re, m1.im + t1.im);
    store(x + 2 * s, m2.re + t2.re, m2.im + t2.im);
    store(x + 3 * s, m2.re - t2.re, m2.im - t2.im);
    store(x + 4 * s, m1.re - t1.re, m1.im - t1.im);
}

/* The first pass, m = 1: all twiddle factors are 1. */
static void first_pass(float *x, const float *end, int32_t radix) {
    for (; x != end; x += 2 * radix) {
        if (radix == 4) {
            butterfly_4(x, 2, load(x), load(x + 2), load(x + 4), load(x + 6));
        } else if (radix == 2) {
            butterfly_2(x, 2, load(x), load(x + 2));
        } else if (radix == 3) {
            butterfly_3(x, 2, load(x), load(x + 2), load(x + 4));
        } else {
            butterfly_5(x, 2, load(x), load(x + 2), load(x + 4), load(x + 6), load(x + 8));
        }
    }
}

/* One block of a later pass: m butterflies, s = 2 m floats apart. */
static void block_4(float *x, int32_t s, const float *w) {
    for (const float *const end = x + s; x != end; x += 2, w += 6) {
        butterfly_4(x, s, load(x), load_turned(x + s, w), load_turned(x + 2 * s, w + 2), load_turned(x + 3 * s, w + 4));
    }
}

static void block_other(float *x, int32_t s, const float *w, int32_t radix) {
    for (const float *const end = x + s; x != end; x += 2, w += 2 * (radix - 1)) {
        if (radix == 2) {
            butterfly_2(x, s, load(x), load_turned(x + s, w));
        } else if (radix == 3) {
            butterfly_3(x, s, load(x), load_turned(x + s, w), load_turned(x + 2 * s, w + 2));
        } else {
            butterfly_5(x, s, load(x), load_turned(x + s, w), load_turned(x + 2 * s, w + 2),
                        load_turned(x + 3 * s, w + 4), load_turned(x + 4 * s, w + 6));
        }
    }
}

void asc_fft_f32(const asc_frontend_config_t *c, float *data) {
    const float *const end = data + c->n_fft;
    const float *w = c->twiddles;
    int32_t m = c->radices[0];
    first_pass(data, end, m);
    for (int32_t pass = 1; pass < c->n_radices; ++pass) {
        const int32_t radix = c->radices[pass];
        for (float *x = data; x != end; x += 2 * m * radix) {
            if (radix == 4) {
                block_4(x, 2 * m, w);
            } else {
                block_other(x, 2 * m, w, radix);
            }
        }
        w += 2 * m * (radix - 1);
        m *= radix;
    }
}
