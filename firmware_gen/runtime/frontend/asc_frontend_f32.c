/* The bands of one frame in float32: see asc_frontend_f32.h. */
#include "asc_float_rules.h"

#include "asc_frontend_f32.h"

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

typedef struct {
    float rising, falling;
} share_t;

static inline share_t add_bin(share_t share, float bin, float slope) {
    const float rising = bin * slope;
    const share_t sum = {share.rising + rising, share.falling + (bin - rising)};
    return sum;
}

void asc_frontend_bands_f32(const asc_frontend_f32_t *c, int32_t n_mels, float *work) {
    const float *bin = work + 2 * c->first_bin;
    const float *slope = c->slopes;
    const float *scale = c->scales;
    const uint16_t *count = c->counts;
    const float offset = c->offset;
    float rising = 0.0f; /* of the band whose falling slope comes next */
    for (int32_t n = *count; n > 0; --n, bin += 2) {
        rising += *bin * *slope++;
    }
    float *band = work + 1;
    for (const float *const end = band + 2 * n_mels; band != end; band += 2) {
        share_t share = {0.0f, 0.0f};
        int32_t n = *++count;
        for (; n >= 4; n -= 4, bin += 8, slope += 4) {
            share = add_bin(share, bin[0], slope[0]);
            share = add_bin(share, bin[2], slope[1]);
            share = add_bin(share, bin[4], slope[2]);
            share = add_bin(share, bin[6], slope[3]);
        }
        for (; n > 0; --n, bin += 2, ++slope) {
            share = add_bin(share, *bin, *slope);
        }
        *band = (rising + share.falling) * *scale++ + offset;
        rising = share.rising;
    }
}

void asc_frontend_f32(const asc_frontend_config_t *c, const int16_t *window, asc_frontend_work_t *work) {
    const asc_frontend_f32_t *const tables = (const asc_frontend_f32_t *)c->tables;
    asc_frontend_spectrum_f32(tables, window, &work->f32);
    asc_frontend_bands_f32(tables, c->n_mels, &work->f32);
}
