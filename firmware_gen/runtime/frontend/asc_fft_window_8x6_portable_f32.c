/* First pass of the Fourier transform, 6 inputs of 8, for cores without the assembler: see asc_fft_window_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_registers_f32.h"
#include "asc_fft_window_f32.h"

#include "asc_fft_butterflies_f32.h"

#ifndef ASC_FFT_REGISTERS_F32
void asc_fft_window_8x6_f32(const asc_fft_window_f32_t *c, const int16_t *samples, float *x) {
    const int32_t s = c->n_fft / 8;
    const float *v = c->window;
    const uint16_t *order = c->order;
    for (const float *const end = x + c->n_fft; x != end; x += 16, v += 12) {
        const int16_t *const a = samples + *order++;
        asc_butterfly_8_f32(x, 2,
                            asc_four_of_3_f32(asc_windowed_f32(a, v), asc_windowed_f32(a + 2 * s, v + 4),
                                              asc_windowed_f32(a + 4 * s, v + 8)),
                            asc_four_of_3_f32(asc_windowed_f32(a + s, v + 2), asc_windowed_f32(a + 3 * s, v + 6),
                                              asc_windowed_f32(a + 5 * s, v + 10)));
    }
}
#endif
