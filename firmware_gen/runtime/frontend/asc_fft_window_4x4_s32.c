/* First pass of the Fourier transform in integers, 4 inputs of 4: see asc_fft_window_s32.h. */
#include "asc_fft_window_s32.h"

#include "asc_fft_butterflies_s32.h"

void asc_fft_window_4x4_s32(const asc_fft_window_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x) {
    const int32_t s = c->n_fft / 4;
    const int32_t *v = c->window;
    const uint16_t *order = c->order;
    for (const int32_t *const end = x + c->n_fft; x != end; x += 8, v += 8) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_4_s32(x, 2, asc_windowed_4_s32(a, gain, v), asc_windowed_4_s32(a + s, gain, v + 2),
                            asc_windowed_4_s32(a + 2 * s, gain, v + 4), asc_windowed_4_s32(a + 3 * s, gain, v + 6));
    }
}
