/* Pass of radix 4 in integers: see asc_fft_s32.h. */
#include "asc_fft_s32.h"

#include "asc_fft_butterflies_s32.h"

/* s: words of one of the transforms that the pass joins. */
void asc_fft_pass_4_s32(int32_t *x, const int32_t *end, int32_t m, const int32_t *twiddles) {
    const int32_t s = 2 * m;
    for (; x != end; x += 3 * s) {
        const int32_t *w = twiddles;
        for (const int32_t *const stop = x + s; x != stop; x += 2, w += 6) {
            /* in the order in which fewest of them have to wait for a register */
            const int32_t *const p = x + s;
            const asc_complex_s32_t b = asc_load_turned_s32(p, w);
            const asc_complex_s32_t d = asc_load_turned_s32(p + 2 * s, w + 4);
            const asc_complex_s32_t c = asc_load_turned_s32(p + s, w + 2);
            asc_butterfly_4_s32(x, s, asc_load_shifted_s32(x, 2), b, c, d);
        }
    }
}
