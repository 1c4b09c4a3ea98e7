/* From windows to scenes: see asc_follow.h. */
#include "asc_float_rules.h"

#include "asc_follow.h"

#include <string.h>

#include "asc_log_f32.h"

#define LEAST_PROBABILITY 1e-3f /* a probability of zero is a rounding of the int8 output, not certainty */

/*
 * Formula   exp(x) = 2^k exp(r), k = rint(x / ln 2), r = x - k ln 2 in two steps, exp(r) by its series to r^6
 * Range     x up to 0; below -87 the result is 0
 * Error     the series' rest, |r|^7 / 5040 = 1.2e-7, and rounding: 3e-7 of the result
 */
static float exp_f32(float x) {
    if (x < -87.0f) {
        return 0.0f;
    }
    const float magic = 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    const float k = (x * 1.44269504f + magic) - magic;
    const float r = (x - k * 0.693145752f) - k * 1.42860677e-6f;
    const float series =
        1.0f +
        r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f + r * (0.00833333333f + r * 0.00138888889f)))));
    const uint32_t bits = (uint32_t)((int32_t)k + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return series * power;
}

static int32_t index_of_largest(const float *values, int32_t n) {
    int32_t best = 0;
    for (int32_t i = 1; i < n; ++i) {
        best = values[i] > values[best] ? i : best;
    }
    return best;
}

void asc_follow_settle(asc_follow_settings_t *settings, float hop_s, float time_constant_s, float dwell_s) {
    settings->keep = time_constant_s > 0.0f ? exp_f32(-hop_s / time_constant_s) : 0.0f;
    settings->lead = ASC_FOLLOW_LEAD;
    settings->unsure_below = 0.0f;
    /* a scene that began less than dwell_s ago stays; half a sample is no difference */
    settings->dwell = 0;
    while ((float)settings->dwell * hop_s < dwell_s * 0.999999f) {
        ++settings->dwell;
    }
}

void asc_follow_start(asc_follow_t *state) {
    state->weight = 0.0f;
    state->probability = 0.0f;
    state->label = ASC_FOLLOW_UNSURE;
    state->windows = 0;
    state->is_new = 0;
    state->is_empty = 1;
}

/* Adds the log probabilities of a window to those before it. */
static void add_window(const asc_follow_outputs_t *outputs, float keep, float *logs, const int8_t *output) {
    int32_t highest = output[0];
    for (int32_t i = 1; i < outputs->n_labels; ++i) {
        highest = output[i] > highest ? output[i] : highest;
    }
    float sum = 0.0f;
    for (int32_t i = 0; i < outputs->n_labels; ++i) {
        sum += outputs->is_logits != 0 ? exp_f32((float)(output[i] - highest) * outputs->scale)
                                       : (float)(output[i] - outputs->zero_point) * outputs->scale;
    }
    for (int32_t i = 0; i < outputs->n_labels; ++i) {
        const float value = outputs->is_logits != 0 ? exp_f32((float)(output[i] - highest) * outputs->scale)
                                                    : (float)(output[i] - outputs->zero_point) * outputs->scale;
        const float probability = value / sum;
        logs[i] = keep * logs[i] + asc_log_f32(probability > LEAST_PROBABILITY ? probability : LEAST_PROBABILITY);
    }
}

void asc_follow_take(const asc_follow_settings_t *settings, const asc_follow_outputs_t *outputs, asc_follow_t *state,
                     float *logs, const int8_t *output) {
    if (state->is_empty != 0) {
        memset(logs, 0, (size_t)outputs->n_labels * sizeof *logs);
    }
    add_window(outputs, settings->keep, logs, output);
    state->weight = settings->keep * state->weight + 1.0f;
    const int32_t likeliest = index_of_largest(logs, outputs->n_labels);
    float sum = 0.0f;
    for (int32_t i = 0; i < outputs->n_labels; ++i) {
        sum += exp_f32((logs[i] - logs[likeliest]) / state->weight);
    }
    state->probability = 1.0f / sum;
    const int32_t before = state->label;
    int32_t label = state->probability >= settings->unsure_below ? likeliest : ASC_FOLLOW_UNSURE;
    if (label != before && state->is_empty == 0) {
        /* exp(a) >= lead exp(b), with the logarithm of the ratio never above 0 */
        const int32_t leads = before == ASC_FOLLOW_UNSURE ||
                              settings->lead * exp_f32((logs[before] - logs[likeliest]) / state->weight) <= 1.0f;
        if (state->windows < settings->dwell || (leads == 0 && label != ASC_FOLLOW_UNSURE)) {
            label = before;
        }
    }
    state->is_new = state->is_empty != 0 || label != before;
    state->windows = state->is_new != 0 ? 1u : state->windows + (state->windows != UINT32_MAX ? 1u : 0u);
    state->label = label;
    state->is_empty = 0;
}
