/* Pass of radix 2 in integers: see asc_fft_s32.h. */
#include "asc_fft_s32.h"

#include "asc_fft_butterflies_s32.h"

/* s: words of one of the transforms that the pass joins. */
void asc_fft_pass_2_s32(int32_t *x, const int32_t *end, int32_t m, const int32_t *twiddles) {
    const int32_t s = 2 * m;
    for (; x != end; x += s) {
        const int32_t *w = twiddles;
        for (const int32_t *const stop = x + s; x != stop; x += 2, w += 2) {
            asc_butterfly_2_s32(x, s, asc_load_shifted_s32(x, 1), asc_load_turned_s32(x + s, w));
        }
    }
}
