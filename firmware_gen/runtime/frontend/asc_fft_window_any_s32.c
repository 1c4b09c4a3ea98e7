/* First pass of the Fourier transform in integers, for lengths that no such pass fits: the windowed samples in order:
 * see asc_fft_window_s32.h. */
#include "asc_fft_window_s32.h"

#include "asc_fft_butterflies_s32.h"

void asc_fft_window_any_s32(const asc_fft_window_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x) {
    const int32_t *v = c->window;
    const uint16_t *order = c->order;
    int32_t left = c->win_length;
    for (const uint16_t *const end = order + c->n_fft / 2; order != end; left -= 2) {
        int32_t *const z = x + *order++;
        z[0] = left > 0 ? asc_windowed_s32(*samples++, gain, *v++) : 0;
        z[1] = left > 1 ? asc_windowed_s32(*samples++, gain, *v++) : 0;
    }
}
