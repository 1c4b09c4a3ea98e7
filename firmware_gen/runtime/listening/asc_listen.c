/* Continuous listening: see asc_listen.h. */
#include "asc_listen.h"

#include <stddef.h>
#include <string.h>

void asc_listen_start(const asc_frontend_config_t *c, asc_listen_t *state, int32_t hop_frames) {
    state->hop_frames = hop_frames > 0 ? hop_frames : 1;
    state->end = 0;
    state->missing = c->n_frames;
    state->place = 0;
    state->due = 0;
    state->quiet = 0;
    state->gate = 0;
    state->heard = 0;
    state->energy = 0;
}

/* Copies a row of the ring, whose oldest element is at `first`, in the order of time. */
static void copy_row(int8_t *to, const int8_t *row, size_t first, size_t n) {
    memcpy(to, row + first, n - first);
    memcpy(to + (n - first), row, first);
}

/* Puts the newest window into the network's input. */
static void give_window(const asc_frontend_config_t *c, const asc_listen_t *state, asc_frontend_work_t *work,
                        const void *ring, int8_t *output) {
    const size_t frame = (size_t)c->n_mels;
    const size_t n = (size_t)c->n_frames * frame, first = (size_t)state->place;
    if (c->finish_clip != NULL) {
        float *const log_mel = &work[c->n_fft + 2].f32;
        const float *const values = (const float *)ring;
        memcpy(log_mel, values + first * frame, (n - first * frame) * sizeof *log_mel);
        memcpy(log_mel + (n - first * frame), values, first * frame * sizeof *log_mel);
        c->finish_clip(c, log_mel, output);
    } else if (c->frame_step == 1) {
        const size_t row = (size_t)c->n_frames;
        for (size_t at = 0; at < n; at += row) {
            copy_row(output + at, (const int8_t *)ring + at, first, row);
        }
    } else {
        copy_row(output, (const int8_t *)ring, first * frame, n);
    }
}

/* Whether the samples since the window before are loud enough. */
static int32_t is_loud(asc_listen_t *state) {
    const int32_t loud = state->gate == 0 || state->energy >= (uint64_t)state->gate * state->heard;
    state->quiet += loud != 0 ? 0u : 1u;
    state->heard = 0;
    state->energy = 0;
    return loud;
}

static void finish_stream_frame(const asc_frontend_config_t *c, asc_listen_t *state, int16_t *samples,
                                asc_frontend_work_t *work, void *ring, int8_t *output) {
    c->bands(c, samples, work);
    if (c->log_mel != NULL) {
        c->log_mel(c, work, (float *)ring + state->place * c->n_mels);
    } else {
        asc_frontend_quantize_bands(c, work, (int8_t *)ring + state->place * c->frame_step);
    }
    state->end -= c->hop_length;
    if (state->end > 0) {
        asc_frontend_copy(samples, samples + c->hop_length, state->end);
    }
    state->place = state->place + 1 == c->n_frames ? 0 : state->place + 1;
    --state->missing;
    if (state->missing == 0) {
        state->missing = state->hop_frames;
        state->due = is_loud(state);
        if (state->due != 0) {
            give_window(c, state, work, ring, output);
        }
    }
}

uint32_t asc_listen_take(const asc_frontend_config_t *c, asc_listen_t *state, int16_t *samples,
                         asc_frontend_work_t *work, void *ring, int8_t *output, const int16_t *audio, uint32_t n) {
    uint32_t taken = 0;
    state->due = 0;
    while (taken < n && state->due == 0) {
        int32_t step = c->win_length - state->end;
        if ((uint32_t)step > n - taken) {
            step = (int32_t)(n - taken);
        }
        const int32_t skip = state->end >= 0 ? 0 : -state->end < step ? -state->end : step;
        if (step > skip) {
            asc_frontend_copy(samples + state->end + skip, audio + taken + skip, step - skip);
        }
        if (state->gate != 0) {
            for (int32_t i = 0; i < step; ++i) {
                state->energy += (uint32_t)((int32_t)audio[taken + (uint32_t)i] * audio[taken + (uint32_t)i]);
            }
            state->heard += (uint32_t)step;
        }
        state->end += step;
        taken += (uint32_t)step;
        if (state->end == c->win_length) {
            finish_stream_frame(c, state, samples, work, ring, output);
        }
    }
    return taken;
}
