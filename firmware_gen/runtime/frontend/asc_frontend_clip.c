/*
 * What needs a whole clip of log-mel values F: standardisation, and deltas along time.
 *
 * Formula   S(x)[t][m] = (x[t][m] - mean(x)) / max(std(x), std_floor)                                           (1)
 *           mean and std over all frames and bands, n - 1 in the denominator of the variance
 *           D(x)[t][m] = sum_n n (x[t + n][m] - x[t - n][m]) / (2 sum_n n^2), n from 1 to delta_reach             (2)
 *           the first and the last frame are repeated beyond the ends
 *           channel 0 is S(F), channel 1 is S(D(S(F))); without standardisation they are F and D(F)
 * Error     sums are compensated, so that of means and deviations does not grow with the clip: about 4e-7 of the
 *           largest value. What log-mel values lack in precision is divided by their deviation, so that int8 values
 *           are as close to the reference as without, where the clip has a deviation of 0.1 and more; below, up to
 *           (log-mel error) / std_floor. Measured by tests/codegen/test_frontend_c.py.
 * Source    (2): S. Furui, "Speaker-independent isolated word recognition using dynamic features of speech spectrum",
 *           IEEE Trans. ASSP 34 (1986), 52-59; sums: W. Kahan, "Pracniques: further remarks on reducing truncation
 *           errors", Communications of the ACM 8 (1965), 40
 */
#include "asc_float_rules.h"

#include <math.h>
#include <stddef.h>

#include "asc_frontend.h"
#include "asc_frontend_quantize.h"
#include "asc_log_f32.h"

/* A sum and what it lacks; a compiler that may reorder additions (-ffast-math) would undo this. */
typedef struct {
    float value, excess;
} sum_t;

static inline void add(sum_t *sum, float x) {
    const float part = x - sum->excess;
    const float next = sum->value + part;
    sum->excess = (next - sum->value) - part;
    sum->value = next;
}

float asc_frontend_delta(const asc_frontend_config_t *c, const float *value, int32_t t) {
    const int32_t last = c->n_frames - 1;
    float sum = 0.0f;
    for (int32_t n = 1; n <= c->delta_reach; ++n) {
        const int32_t ahead = n < last - t ? n : last - t;
        const int32_t behind = n < t ? n : t;
        sum += (float)n * (value[ahead * c->n_mels] - value[-behind * c->n_mels]);
    }
    return sum * c->delta_factor;
}

/* Adds up a channel with a scaling, or the squares of what the scaling gives. */
static float total(const asc_frontend_config_t *c, const float *values, int32_t deltas, asc_frontend_scaling_t scaling,
                   int32_t squares) {
    sum_t sum = {0.0f, 0.0f};
    for (int32_t t = 0; t < c->n_frames; ++t) {
        for (int32_t m = 0; m < c->n_mels; ++m, ++values) {
            const float x = asc_frontend_scaled(scaling, deltas != 0 ? asc_frontend_delta(c, values, t) : *values);
            add(&sum, squares != 0 ? x * x : x);
        }
    }
    return sum.value;
}

asc_frontend_scaling_t asc_frontend_scaling(const asc_frontend_config_t *c, const float *values, int32_t deltas) {
    const float n = (float)(c->n_frames * c->n_mels);
    /* with one of the values taken off first, the mean of equal values is exactly 0 */
    asc_frontend_scaling_t scaling = {deltas != 0 ? asc_frontend_delta(c, values, 0) : values[0], 0.0f, 1.0f};
    scaling.mean = total(c, values, deltas, scaling, 0) / n;
    const float std = sqrtf(total(c, values, deltas, scaling, 1) / (n - 1.0f));
    scaling.factor = 1.0f / (std > c->std_floor ? std : c->std_floor);
    return scaling;
}

void asc_frontend_clip(const asc_frontend_config_t *c, float *log_mel, int8_t *output) {
    asc_frontend_scaling_t scaling = {0.0f, 0.0f, 1.0f};
    if (c->standardize != 0) {
        scaling = asc_frontend_scaling(c, log_mel, 0);
    }
    float *value = log_mel;
    for (int32_t t = 0; t < c->n_frames; ++t) {
        int8_t *y = output + t * c->frame_step;
        for (int32_t m = 0; m < c->n_mels; ++m, ++value, y += c->mel_step) {
            *value = asc_frontend_scaled(scaling, *value);
            *y = asc_frontend_quantize(c, *value);
        }
    }
    if (c->delta_reach == 0) {
        return;
    }
    if (c->standardize != 0) {
        scaling = asc_frontend_scaling(c, log_mel, 1);
    }
    value = log_mel;
    for (int32_t t = 0; t < c->n_frames; ++t) {
        int8_t *y = output + t * c->frame_step + 1;
        for (int32_t m = 0; m < c->n_mels; ++m, ++value, y += c->mel_step) {
            *y = asc_frontend_quantize(c, asc_frontend_scaled(scaling, asc_frontend_delta(c, value, t)));
        }
    }
}

void asc_frontend_log_mel(const asc_frontend_config_t *c, const asc_frontend_work_t *work, float *log_mel) {
    const asc_frontend_work_t *band = work + c->band_first;
    for (float *const end = log_mel + c->n_mels; log_mel != end; ++log_mel, band += c->band_step) {
        *log_mel = asc_log_f32(band->f32) * c->log_factor;
    }
}
