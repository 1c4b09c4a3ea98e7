/* First pass of the Fourier transform in integers: see asc_fft_window_s32.h. */
#include "asc_fft_window_s32.h"

#include "asc_fft_butterflies_s32.h"

static inline int32_t windowed(int32_t x, int32_t gain, int32_t v) {
    /* unsigned, because samples past the window may be louder than the gain allows: 0 times anything is 0 */
    return asc_scaled_s32((int32_t)((uint32_t)x * (uint32_t)gain), v);
}

/* Divided by 4, for a butterfly of that radix. */
static inline asc_complex_s32_t windowed_4(const int16_t *x, int32_t gain, const int32_t *v) {
    const asc_complex_s32_t z = {windowed(x[0], gain, v[0]) >> 2, windowed(x[1], gain, v[1]) >> 2};
    return z;
}

void asc_fft_window_4x4_s32(const asc_fft_window_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x) {
    const int32_t s = c->n_fft / 4;
    const int32_t *v = c->window;
    const uint16_t *order = c->order;
    for (const int32_t *const end = x + c->n_fft; x != end; x += 8, v += 8) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_4_s32(x, 2, windowed_4(a, gain, v), windowed_4(a + s, gain, v + 2),
                            windowed_4(a + 2 * s, gain, v + 4), windowed_4(a + 3 * s, gain, v + 6));
    }
}

void asc_fft_window_4x3_s32(const asc_fft_window_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x) {
    const asc_complex_s32_t zero = {0, 0};
    const int32_t s = c->n_fft / 4;
    const int32_t *v = c->window;
    const uint16_t *order = c->order;
    for (const int32_t *const end = x + c->n_fft; x != end; x += 8, v += 6) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_4_s32(x, 2, windowed_4(a, gain, v), windowed_4(a + s, gain, v + 2),
                            windowed_4(a + 2 * s, gain, v + 4), zero);
    }
}

void asc_fft_window_any_s32(const asc_fft_window_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x) {
    const int32_t *v = c->window;
    const uint16_t *order = c->order;
    int32_t left = c->win_length;
    for (const uint16_t *const end = order + c->n_fft / 2; order != end; left -= 2) {
        int32_t *const z = x + *order++;
        z[0] = left > 0 ? windowed(*samples++, gain, *v++) : 0;
        z[1] = left > 1 ? windowed(*samples++, gain, *v++) : 0;
    }
}
