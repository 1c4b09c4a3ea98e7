/*
 * The log-mel front end: see asc_frontend.h.
 *
 * The spectrum of a real signal comes from a complex transform of half the length (equations (2) and (3)):
 *   z[n] = x[2n] + i x[2n + 1], Z its transform of N = n_fft / 2 points                                     (2)
 *   E = (Z[k] + conj Z[N - k]) / 2,  O = -i (Z[k] - conj Z[N - k]) / 2                                      (3)
 *   X[k] = E + exp(-2 pi i k / n_fft) O,  |X[N - k]| = |E - exp(-2 pi i k / n_fft) O|                       (4)
 */
#include "asc_frontend.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "asc_frontend_quantize.h"
#include "asc_log_f32.h"

/*
 * The buffer holds the samples from one before the next frame on: the mirror image at the end of a clip reaches back
 * that far where the window has an even length.
 */
static int32_t buffer_position(const asc_frontend_config_t *c, const asc_frontend_t *state) {
    return c->first + state->frame * c->hop_length - 1;
}

/* Position after the last sample that the next frame needs. */
static int32_t frame_end(const asc_frontend_config_t *c, const asc_frontend_t *state) {
    const int32_t end = c->first + state->frame * c->hop_length + c->win_length;
    const int32_t mirrored = 1 - c->first; /* the mirror image before the clip reaches to sample -first */
    return state->frame == 0 && c->reflect != 0 && end < mirrored ? mirrored : end;
}

static float magnitude(const asc_frontend_config_t *c, float re, float im) {
    const float energy = re * re + im * im;
    return c->power == 1 ? sqrtf(energy) : energy;
}

void asc_frontend_spectrum(const asc_frontend_config_t *c, const int16_t *window, float *work) {
    const uint16_t *order = c->order;
    const float *w = c->window;
    const int32_t half = c->n_fft / 2;
    const int32_t whole = c->win_length / 2;
    int32_t n = 0;
    for (; n < whole; ++n, window += 2, w += 2) {
        float *const z = work + 2 * order[n];
        z[0] = (float)window[0] * w[0];
        z[1] = (float)window[1] * w[1];
    }
    if (c->win_length % 2 != 0) {
        float *const z = work + 2 * order[n++];
        z[0] = (float)window[0] * w[0];
        z[1] = 0.0f;
    }
    for (; n < half; ++n) {
        float *const z = work + 2 * order[n];
        z[0] = 0.0f;
        z[1] = 0.0f;
    }
    asc_fft_f32(c, work);
    /* the window holds the 1/2 of equation (3) */
    const float re = 2.0f * work[0];
    const float im = 2.0f * work[1];
    work[0] = magnitude(c, re + im, 0.0f);
    work[2 * half] = magnitude(c, re - im, 0.0f);
    const float *turn = c->split;
    float *a = work + 2;
    float *b = work + 2 * (half - 1);
    for (; a <= b; a += 2, b -= 2, turn += 2) {
        const float e_re = a[0] + b[0], e_im = a[1] - b[1];
        const float o_re = a[1] + b[1], o_im = b[0] - a[0];
        const float t_re = o_re * turn[0] - o_im * turn[1];
        const float t_im = o_re * turn[1] + o_im * turn[0];
        a[0] = magnitude(c, e_re + t_re, e_im + t_im);
        b[0] = magnitude(c, e_re - t_re, e_im - t_im);
    }
}

/* One band's logarithm; advances `taps` over its filter. */
static float band(const asc_frontend_config_t *c, const float *work, int32_t m, const float **taps) {
    const float *bin = work + 2 * c->band_first[m];
    const float *tap = *taps;
    const float *const end = tap + c->band_taps[m];
    float sum = 0.0f;
    for (; tap != end; bin += 2) {
        sum += *bin * *tap++;
    }
    *taps = end;
    return asc_log_f32(sum + c->log_offset) * c->log_factor;
}

void asc_frontend_bands(const asc_frontend_config_t *c, const float *work, float *bands) {
    const float *taps = c->taps;
    for (int32_t m = 0; m < c->n_mels; ++m) {
        bands[m] = band(c, work, m, &taps);
    }
}

/* Computes the next frame, and makes room for the one after it. */
static void finish_frame(const asc_frontend_config_t *c, asc_frontend_t *state, int16_t *samples, float *work,
                         int8_t *output) {
    if (state->frame == 0 && c->reflect != 0) {
        int16_t *const zero = samples + 1 - c->first; /* sample 0 of the clip */
        for (int32_t i = 1; i <= -c->first; ++i) {
            zero[-i] = zero[i];
        }
    }
    asc_frontend_spectrum(c, samples + 1, work);
    float *const log_mel = work + c->n_fft + 2;
    if (c->finish_clip != NULL) {
        asc_frontend_bands(c, work, log_mel + state->frame * c->n_mels);
    } else {
        const float *taps = c->taps;
        int8_t *y = output + state->frame * c->frame_step;
        for (int32_t m = 0; m < c->n_mels; ++m, y += c->mel_step) {
            *y = asc_frontend_quantize(c, band(c, work, m, &taps));
        }
    }
    const int32_t left = state->end - buffer_position(c, state) - c->hop_length;
    if (left > 0) {
        memmove(samples, samples + c->hop_length, (size_t)left * sizeof *samples);
    }
    ++state->frame;
    if (state->frame == c->n_frames && c->finish_clip != NULL) {
        c->finish_clip(c, log_mel, output);
    }
}

/* Puts n samples after those in the buffer; null: zeros. Those before the next frame are dropped. */
static void append(const asc_frontend_config_t *c, asc_frontend_t *state, int16_t *samples, const int16_t *audio,
                   int32_t n) {
    const int32_t at = state->end - buffer_position(c, state);
    const int32_t skip = at >= 0 ? 0 : -at < n ? -at : n;
    if (n > skip) {
        int16_t *const place = samples + at + skip;
        const size_t bytes = (size_t)(n - skip) * sizeof *samples;
        if (audio != NULL) {
            memcpy(place, audio + skip, bytes);
        } else {
            memset(place, 0, bytes);
        }
    }
    state->end += n;
}

/* Computes the frames that reach over the end of the clip. */
static void finish_frames(const asc_frontend_config_t *c, asc_frontend_t *state, int16_t *samples, float *work,
                          int8_t *output) {
    while (state->frame < c->n_frames) {
        while (state->end < frame_end(c, state)) {
            int16_t mirrored = 0;
            const int32_t at = 2 * (c->clip_samples - 1) - state->end - buffer_position(c, state);
            if (c->reflect != 0 && at >= 0) {
                mirrored = samples[at];
            }
            append(c, state, samples, &mirrored, 1);
        }
        finish_frame(c, state, samples, work, output);
    }
}

void asc_frontend_init(asc_frontend_t *state) {
    state->received = 0;
    state->end = 0;
    state->frame = 0;
}

uint32_t asc_frontend_push(const asc_frontend_config_t *c, asc_frontend_t *state, int16_t *samples, float *work,
                           int8_t *output, const int16_t *audio, uint32_t n) {
    if (state->received == 0 && state->end == 0 && c->first <= 0) {
        /* what stands before the clip: zeros, which the mirror image later replaces */
        memset(samples, 0, (size_t)(1 - c->first) * sizeof *samples);
    }
    uint32_t taken = 0;
    while (taken < n && state->received < c->clip_samples) {
        int32_t step = c->clip_samples - state->received;
        if ((uint32_t)step > n - taken) {
            step = (int32_t)(n - taken);
        }
        if (state->frame < c->n_frames && step > frame_end(c, state) - state->end) {
            step = frame_end(c, state) - state->end;
        }
        if (state->frame < c->n_frames) {
            append(c, state, samples, audio + taken, step);
        }
        state->received += step;
        taken += (uint32_t)step;
        while (state->frame < c->n_frames && state->end >= frame_end(c, state)) {
            finish_frame(c, state, samples, work, output);
        }
        if (state->received == c->clip_samples) {
            finish_frames(c, state, samples, work, output);
        }
    }
    return taken;
}
