/* Mel bands, for cores without the assembler: see asc_frontend_f32.h. */
#include "asc_float_rules.h"

#include "asc_fft_registers_f32.h"
#include "asc_frontend_f32.h"

#include <math.h>
#include <stddef.h>

#ifndef ASC_FFT_REGISTERS_F32
/* Sums of the bins of an interval. */
typedef struct {
    float bins;   /* sum of P */
    float partly; /* sum of P, each times its distance to the bin added last */
} bin_sums_t;

/* Adds a bin and its followers, `step` floats apart: two sums each, neither of which waits for the one before. */
static inline bin_sums_t sum_bins(const float *bin, int32_t step, int32_t n) {
    float bins = 0.0f, partly = 0.0f;
    for (; n >= 4; n -= 4, bin += 4 * step) {
        const float one = bins + bin[0];
        partly += bins;
        const float two = one + bin[step];
        partly += one;
        const float three = two + bin[2 * step];
        partly += two;
        bins = three + bin[3 * step];
        partly += three;
    }
    for (; n > 0; --n, bin += step) {
        partly += bins;
        bins += *bin;
    }
    const bin_sums_t sums = {bins, partly};
    return sums;
}

void asc_frontend_bands_f32(const asc_frontend_f32_t *c, int32_t n_mels, float *work) {
    const float *bin = work + 2 * c->first_bin;
    const float *share = c->shares;
    const float *scale = c->scales;
    const uint16_t *count = c->counts;
    const float offset = c->offset;
    /* of the first interval only the rising part is wanted: added from its last bin on, the rising slope falls */
    const bin_sums_t first = sum_bins(bin + 2 * *count - 2, -2, *count);
    float rising = first.partly * share[0] + first.bins * share[1];
    bin += 2 * *count;
    float *band = work + 1;
    for (const float *const end = band + 2 * n_mels; band != end; band += 2) {
        const int32_t n = *++count;
        share += 2;
        const bin_sums_t sums = sum_bins(bin, 2, n);
        bin += 2 * n;
        const float falling = sums.partly * share[0] + sums.bins * share[1];
        *band = (rising + falling) * *scale++ + offset;
        rising = fabsf(sums.bins - falling); /* where nothing is left, rounding may leave less than nothing */
    }
}
#else
#define ASC_AT_FRONTEND(field, place)                                                                                  \
    typedef char asc_at_frontend_##field[offsetof(asc_frontend_f32_t, field) == (place) ? 1 : -1]
ASC_AT_FRONTEND(first_bin, ASC_FRONTEND_FIRST_BIN);
ASC_AT_FRONTEND(counts, ASC_FRONTEND_COUNTS);
ASC_AT_FRONTEND(shares, ASC_FRONTEND_SHARES);
ASC_AT_FRONTEND(scales, ASC_FRONTEND_SCALES);
ASC_AT_FRONTEND(offset, ASC_FRONTEND_OFFSET);
#endif
