/* First pass of the Fourier transform, for lengths that no such pass fits: the windowed samples in order: see
 * asc_fft_window_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_window_f32.h"

#include "asc_fft_butterflies_f32.h"

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
