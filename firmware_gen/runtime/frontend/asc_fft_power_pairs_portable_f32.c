/* Most of the last pass of radix 4, for cores without the assembler: see asc_fft_power_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_power_f32.h"
#include "asc_fft_registers_f32.h"

#include "asc_fft_pairs_f32.h"

#ifndef ASC_FFT_REGISTERS_F32
void asc_fft_power_pairs_f32(float *x, int32_t n_fft, const float *table) {
    const int32_t s = n_fft / 4; /* floats of m complex numbers */
    const float *w = table;
    float *a = x + 2;
    float *b = x + s - 2;
    /* all is read before anything is written: where j is m - j, both give the same and write it twice */
    for (; a <= b; a += 2, b -= 2, w += 8) {
        const asc_four_f32_t z =
            asc_four_f32(asc_load_f32(a), asc_load_turned_f32(a + s, w), asc_load_turned_f32(a + 2 * s, w + 2),
                         asc_load_turned_f32(a + 3 * s, w + 4));
        const asc_four_f32_t y =
            asc_four_f32(asc_load_f32(b), asc_load_turned_back_f32(b + s, w),
                         asc_load_turned_back_f32(b + 2 * s, w + 2), asc_load_turned_back_f32(b + 3 * s, w + 4));
        const asc_complex_f32_t t = asc_load_f32(w + 6);
        const asc_complex_f32_t u = {(t.re + t.im) * ASC_ROOT_HALF_F32, (t.im - t.re) * ASC_ROOT_HALF_F32};
        asc_pair_f32(a, b + 3 * s, z.y[0], y.y[0], t);
        asc_pair_turned_f32(a + 2 * s, b + s, z.y[2], y.y[2], t);
        asc_pair_f32(a + s, b + 2 * s, z.y[1], y.y[3], u);
        asc_pair_turned_f32(a + 3 * s, b, z.y[3], y.y[1], u);
    }
}
#endif
