/* Pass of radix 8 for cores without the assembler of asc_fft_pass_8_f32.S: see asc_fft_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_f32.h"
#include "asc_fft_registers_f32.h"

#include "asc_fft_butterflies_f32.h"

#ifndef ASC_FFT_REGISTERS_F32
/* s: floats of one of the transforms that the pass joins. */
void asc_fft_pass_8_f32(float *x, const float *end, int32_t m, const float *twiddles) {
    const int32_t s = 2 * m;
    for (; x != end; x += 7 * s) {
        const float *w = twiddles;
        for (const float *const stop = x + s; x != stop; x += 2, w += 14) {
            const asc_four_f32_t even =
                asc_four_f32(asc_load_f32(x), asc_load_turned_f32(x + 2 * s, w + 2),
                             asc_load_turned_f32(x + 4 * s, w + 6), asc_load_turned_f32(x + 6 * s, w + 10));
            const asc_four_f32_t odd =
                asc_four_f32(asc_load_turned_f32(x + s, w), asc_load_turned_f32(x + 3 * s, w + 4),
                             asc_load_turned_f32(x + 5 * s, w + 8), asc_load_turned_f32(x + 7 * s, w + 12));
            asc_butterfly_8_f32(x, s, even, odd);
        }
    }
}
#endif
