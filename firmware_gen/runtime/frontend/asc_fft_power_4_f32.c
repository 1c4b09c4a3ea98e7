/* Last pass of the Fourier transform, of radix 4: see asc_fft_power_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_power_f32.h"

#include "asc_fft_pairs_f32.h"

void asc_fft_power_4_f32(float *x, int32_t n_fft, const float *table) {
    const int32_t s = n_fft / 4; /* floats of m complex numbers */
    asc_fft_power_pairs_f32(x, n_fft, table);
    const asc_complex_f32_t eighth = {ASC_ROOT_HALF_F32, -ASC_ROOT_HALF_F32};
    const asc_four_f32_t z =
        asc_four_f32(asc_load_f32(x), asc_load_f32(x + s), asc_load_f32(x + 2 * s), asc_load_f32(x + 3 * s));
    asc_ends_f32(x, n_fft, z.y[0]);
    asc_pair_f32(x + s, x + 3 * s, z.y[1], z.y[3], eighth);
    x[2 * s] = 4.0f * asc_power_f32(z.y[2].re, z.y[2].im);
}
