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

void asc_frontend_f32(const asc_frontend_config_t *c, const int16_t *window, asc_frontend_work_t *work) {
    const asc_frontend_f32_t *const tables = (const asc_frontend_f32_t *)c->tables;
    asc_frontend_spectrum_f32(tables, window, &work->f32);
    asc_frontend_bands_f32(tables, c->n_mels, &work->f32);
}
