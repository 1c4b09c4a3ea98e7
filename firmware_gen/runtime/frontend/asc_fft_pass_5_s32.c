/* Pass of radix 5 in integers: see asc_fft_s32.h. */
#include "asc_fft_s32.h"

#include "asc_fft_butterflies_s32.h"

#define FIFTH 858993459 /* 2^32 / 5 */

/* s: words of one of the transforms that the pass joins. */
void asc_fft_pass_5_s32(int32_t *x, const int32_t *end, int32_t m, const int32_t *twiddles) {
    const int32_t s = 2 * m;
    for (; x != end; x += 4 * s) {
        const int32_t *w = twiddles;
        for (const int32_t *const stop = x + s; x != stop; x += 2, w += 8) {
            asc_butterfly_5_s32(x, s, asc_load_s32(x, FIFTH), asc_load_turned_s32(x + s, w),
                                asc_load_turned_s32(x + 2 * s, w + 2), asc_load_turned_s32(x + 3 * s, w + 4),
                                asc_load_turned_s32(x + 4 * s, w + 6));
        }
    }
}
