/* First pass of the Fourier transform: see asc_fft_window_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_window_f32.h"

#include "asc_fft_butterflies_f32.h"

static inline asc_complex_f32_t windowed(const int16_t *x, const float *v) {
    const asc_complex_f32_t z = {(float)x[0] * v[0], (float)x[1] * v[1]};
    return z;
}

void asc_fft_window_8x8_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x) {
    const int32_t s = c->n_fft / 8;
    const float *v = c->window;
    const uint16_t *order = c->order;
    for (const float *const end = x + c->n_fft; x != end; x += 16, v += 16) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_8_f32(x, 2,
                            asc_four_f32(windowed(a, v), windowed(a + 2 * s, v + 4), windowed(a + 4 * s, v + 8),
                                         windowed(a + 6 * s, v + 12)),
                            asc_four_f32(windowed(a + s, v + 2), windowed(a + 3 * s, v + 6),
                                         windowed(a + 5 * s, v + 10), windowed(a + 7 * s, v + 14)));
    }
}

#ifndef ASC_FFT_REGISTERS_F32
void asc_fft_window_8x6_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x) {
    const int32_t s = c->n_fft / 8;
    const float *v = c->window;
    const uint16_t *order = c->order;
    for (const float *const end = x + c->n_fft; x != end; x += 16, v += 12) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_8_f32(
            x, 2, asc_four_of_3_f32(windowed(a, v), windowed(a + 2 * s, v + 4), windowed(a + 4 * s, v + 8)),
            asc_four_of_3_f32(windowed(a + s, v + 2), windowed(a + 3 * s, v + 6), windowed(a + 5 * s, v + 10)));
    }
}
#endif

void asc_fft_window_8x4_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x) {
    const asc_complex_f32_t zero = {0.0f, 0.0f};
    const int32_t s = c->n_fft / 8;
    const float *v = c->window;
    const uint16_t *order = c->order;
    for (const float *const end = x + c->n_fft; x != end; x += 16, v += 8) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_8_f32(x, 2, asc_four_f32(windowed(a, v), windowed(a + 2 * s, v + 4), zero, zero),
                            asc_four_f32(windowed(a + s, v + 2), windowed(a + 3 * s, v + 6), zero, zero));
    }
}

void asc_fft_window_4x4_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x) {
    const int32_t s = c->n_fft / 4;
    const float *v = c->window;
    const uint16_t *order = c->order;
    for (const float *const end = x + c->n_fft; x != end; x += 8, v += 8) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_4_f32(x, 2, windowed(a, v), windowed(a + s, v + 2), windowed(a + 2 * s, v + 4),
                            windowed(a + 3 * s, v + 6));
    }
}

void asc_fft_window_4x3_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x) {
    const asc_complex_f32_t zero = {0.0f, 0.0f};
    const int32_t s = c->n_fft / 4;
    const float *v = c->window;
    const uint16_t *order = c->order;
    for (const float *const end = x + c->n_fft; x != end; x += 8, v += 6) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_4_f32(x, 2, windowed(a, v), windowed(a + s, v + 2), windowed(a + 2 * s, v + 4), zero);
    }
}

void asc_fft_window_any_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x) {
    const float *v = c->window;
    const uint16_t *order = c->order;
    int32_t left = c->win_length;
    for (const uint16_t *const end = order + c->n_fft / 2; order != end; left -= 2) {
        float *const z = x + *order++;
        z[0] = left > 0 ? (float)*samples++ * *v++ : 0.0f;
        z[1] = left > 1 ? (float)*samples++ * *v++ : 0.0f;
    }
}
