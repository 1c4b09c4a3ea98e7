/* Last pass of the Fourier transform for lengths that no pass of radix 4 fits: see asc_fft_power_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_power_f32.h"

#include "asc_fft_pairs_f32.h"

void asc_fft_power_any_f32(float *x, int32_t n_fft, const float *table) {
    const float *t = table;
    float *a = x + 2;
    float *b = x + n_fft - 2;
    for (; a <= b; a += 2, b -= 2, t += 2) {
        asc_pair_f32(a, b, asc_load_f32(a), asc_load_f32(b), asc_load_f32(t));
    }
    asc_ends_f32(x, n_fft, asc_load_f32(x));
}
