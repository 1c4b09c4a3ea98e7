/* First pass of the Fourier transform, 4 inputs of 4: see asc_fft_window_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_window_f32.h"

#include "asc_fft_butterflies_f32.h"

void asc_fft_window_4x4_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x) {
    const int32_t s = c->n_fft / 4;
    const float *v = c->window;
    const uint16_t *order = c->order;
    for (const float *const end = x + c->n_fft; x != end; x += 8, v += 8) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_4_f32(x, 2, asc_windowed_f32(a, v), asc_windowed_f32(a + s, v + 2),
                            asc_windowed_f32(a + 2 * s, v + 4), asc_windowed_f32(a + 3 * s, v + 6));
    }
}
