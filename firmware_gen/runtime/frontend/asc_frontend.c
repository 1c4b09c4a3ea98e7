/* The log-mel front end: see asc_frontend.h. */
#include "asc_float_rules.h"

#include "asc_frontend.h"

#include <stddef.h>
#include <string.h>

#include "asc_frontend_quantize.h"

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

void asc_frontend_quantize_bands(const asc_frontend_config_t *c, const asc_frontend_work_t *work, int8_t *output) {
    const uint32_t *const thresholds = c->thresholds;
    const int64_t guess_start = c->guess_start;
    const int32_t guess_slope = c->guess_slope;
    const int32_t step = c->mel_step, band_step = c->band_step;
    const asc_frontend_work_t *band = work + c->band_first;
    for (int32_t m = c->n_mels; m > 0; --m, band += band_step, output += step) {
        *output = asc_frontend_quantize_band(thresholds, guess_start, guess_slope, band->bits);
    }
}

static inline uint32_t load_pair(const int16_t *from) {
    uint32_t pair;
    memcpy(&pair, from, sizeof pair);
    return pair;
}

static inline void store_pair(int16_t *to, uint32_t pair) {
    memcpy(to, &pair, sizeof pair);
}

/* Copies n samples to an address below their own or in another buffer; not memmove, which may go byte by byte. */
static void copy(int16_t *to, const int16_t *from, int32_t n) {
    for (; n >= 16; n -= 16, to += 16, from += 16) {
        /* loads first, then stores: next to its own kind, a load takes one cycle less on many cores */
        const uint32_t a = load_pair(from), b = load_pair(from + 2), c = load_pair(from + 4), d = load_pair(from + 6);
        const uint32_t e = load_pair(from + 8), f = load_pair(from + 10), g = load_pair(from + 12);
        const uint32_t h = load_pair(from + 14);
        store_pair(to, a);
        store_pair(to + 2, b);
        store_pair(to + 4, c);
        store_pair(to + 6, d);
        store_pair(to + 8, e);
        store_pair(to + 10, f);
        store_pair(to + 12, g);
        store_pair(to + 14, h);
    }
    for (; n > 0; --n) {
        *to++ = *from++;
    }
}

void asc_frontend_copy(int16_t *to, const int16_t *from, int32_t n) {
    copy(to, from, n);
}

/* Computes the next frame, and makes room for the one after it. */
static void finish_frame(const asc_frontend_config_t *c, asc_frontend_t *state, int16_t *samples,
                         asc_frontend_work_t *work, int8_t *output) {
    if (state->frame == 0 && c->reflect != 0) {
        int16_t *const zero = samples + 1 - c->first; /* sample 0 of the clip */
        for (int32_t i = 1; i <= -c->first; ++i) {
            zero[-i] = zero[i];
        }
    }
    c->bands(c, samples + 1, work);
    float *const log_mel = &work[c->n_fft + 2].f32;
    if (c->log_mel != NULL) {
        c->log_mel(c, work, log_mel + state->frame * c->n_mels);
    } else {
        asc_frontend_quantize_bands(c, work, output + state->frame * c->frame_step);
    }
    const int32_t left = state->end - buffer_position(c, state) - c->hop_length;
    if (left > 0) {
        copy(samples, samples + c->hop_length, left);
    }
    ++state->frame;
    if (state->frame == c->n_frames && c->finish_clip != NULL) {
        c->finish_clip(c, log_mel, output);
    }
}

/* Puts n samples after those in the buffer. Those before the next frame are dropped. */
static void append(const asc_frontend_config_t *c, asc_frontend_t *state, int16_t *samples, const int16_t *audio,
                   int32_t n) {
    const int32_t at = state->end - buffer_position(c, state);
    const int32_t skip = at >= 0 ? 0 : -at < n ? -at : n;
    if (n > skip) {
        copy(samples + at + skip, audio + skip, n - skip);
    }
    state->end += n;
}

/* Computes the frames that reach over the end of the clip. */
static void finish_frames(const asc_frontend_config_t *c, asc_frontend_t *state, int16_t *samples,
                          asc_frontend_work_t *work, int8_t *output) {
    while (state->frame < c->n_frames) {
        for (; state->end < frame_end(c, state); ++state->end) {
            const int32_t position = buffer_position(c, state);
            const int32_t mirrored = 2 * (c->clip_samples - 1) - state->end - position;
            if (state->end >= position) {
                samples[state->end - position] = c->reflect != 0 && mirrored >= 0 ? samples[mirrored] : (int16_t)0;
            }
        }
        finish_frame(c, state, samples, work, output);
    }
}

void asc_frontend_init(asc_frontend_t *state) {
    state->received = 0;
    state->end = 0;
    state->frame = 0;
}

uint32_t asc_frontend_push(const asc_frontend_config_t *c, asc_frontend_t *state, int16_t *samples,
                           asc_frontend_work_t *work, int8_t *output, const int16_t *audio, uint32_t n) {
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
