/* Pass of radix 2: see asc_fft_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_f32.h"

#include "asc_fft_butterflies_f32.h"

/* s: floats of one of the transforms that the pass joins. */
void asc_fft_pass_2_f32(float *x, const float *end, int32_t m, const float *twiddles) {
    const int32_t s = 2 * m;
    for (; x != end; x += s) {
        const float *w = twiddles;
        for (const float *const stop = x + s; x != stop; x += 2, w += 2) {
            asc_butterfly_2_f32(x, s, asc_load_f32(x), asc_load_turned_f32(x + s, w));
        }
    }
}
