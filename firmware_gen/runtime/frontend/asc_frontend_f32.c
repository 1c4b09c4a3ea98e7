/* The bands of one frame in float32: see asc_frontend_f32.h. */
#include "asc_float_rules.h"

#include "asc_frontend_f32.h"

#include <math.h>

void asc_frontend_spectrum_f32(const asc_frontend_f32_t *c, const int16_t *samples, float *work) {
    const int32_t n_fft = c->window.n_fft;
    c->first_pass(&c->window, samples, work);
    const asc_fft_pass_f32_t *const end = c->passes + c->n_passes;
    for (const asc_fft_pass_f32_t *pass = c->passes; pass != end; ++pass) {
        pass->run(work, work + n_fft, pass->m, pass->twiddles);
    }
    c->last_pass(work, n_fft, c->last_table);
    if (c->finish != 0) {
        c->finish(work, n_fft);
    }
}

/* Sums of the bins of an interval. */
typedef struct {
    float bins;   /* sum of P */
    float partly; /* sum of P, each times its distance to the bin added last */
} sums_t;

/* Adds a bin and its followers, `step` floats apart: two sums each, neither of which waits for the one before. */
static inline sums_t sum_bins(const float *bin, int32_t step, int32_t n) {
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
    const sums_t sums = {bins, partly};
    return sums;
}

void asc_frontend_bands_f32(const asc_frontend_f32_t *c, int32_t n_mels, float *work) {
    const float *bin = work + 2 * c->first_bin;
    const float *share = c->shares;
    const float *scale = c->scales;
    const uint16_t *count = c->counts;
    const float offset = c->offset;
    /* of the first interval only the rising part is wanted: added from its last bin on, the rising slope falls */
    const sums_t first = sum_bins(bin + 2 * *count - 2, -2, *count);
    float rising = first.partly * share[0] + first.bins * share[1];
    bin += 2 * *count;
    float *band = work + 1;
    for (const float *const end = band + 2 * n_mels; band != end; band += 2) {
        const int32_t n = *++count;
        share += 2;
        const sums_t sums = sum_bins(bin, 2, n);
        bin += 2 * n;
        const float falling = sums.partly * share[0] + sums.bins * share[1];
        *band = (rising + falling) * *scale++ + offset;
        rising = fabsf(sums.bins - falling); /* where nothing is left, rounding may leave less than nothing */
    }
}

void asc_frontend_f32(const asc_frontend_config_t *c, const int16_t *window, asc_frontend_work_t *work) {
    const asc_frontend_f32_t *const tables = (const asc_frontend_f32_t *)c->tables;
    asc_frontend_spectrum_f32(tables, window, &work->f32);
    asc_frontend_bands_f32(tables, c->n_mels, &work->f32);
}
