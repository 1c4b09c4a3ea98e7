/*
 * Continuous listening: a stream of samples in, the network's input out, again and again.
 *
 * Formula   frame f of a stream begins with its sample f * hop_length; a window is n_frames of them, and begins
 *           hop_frames after the one before. The features of a window are asc_frontend.h's of these frames: a stream
 *           has no edges and no padding
 * Exact     every frame has the bits that asc_frontend_push gives it within a clip, and is computed once
 * Memory    the front end's samples and work, and a ring: the int8 features of a window, or its log-mel values where
 *           standardisation or deltas need all of them anew
 */
#ifndef ASC_LISTEN_H
#define ASC_LISTEN_H

#include "asc_frontend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a stream stands. */
typedef struct {
    int32_t hop_frames; /* frames from one window to the next */
    int32_t end;        /* samples of the next frame in the buffer; negative: samples before it that are not needed */
    int32_t missing;    /* frames until a window is complete */
    int32_t place;      /* of the next frame in the ring */
    int32_t due;        /* 1: the last call completed a window, and the network's input holds it */
    uint32_t quiet;     /* windows that were left out because they were below the gate */
    uint32_t gate;      /* least mean square of the samples since the window before, of 2^30; 0: none is left out */
    uint32_t heard;     /* samples since the window before, up to 2^32 - 1 */
    uint64_t energy;    /* and the sum of their squares; only with a gate */
} asc_listen_t;

/* Starts a stream, or another one after samples were lost, without a gate. */
void asc_listen_start(const asc_frontend_config_t *c, asc_listen_t *state, int32_t hop_frames);

/*
 * Takes samples, computes the frames they complete, and returns how many it took: all, or those up to the end of the
 * first window they complete, whose features are then in output.
 * samples and work as for asc_frontend_push; ring has n_frames * n_mels elements, int8, or float where there is a
 * finish_clip.
 */
uint32_t asc_listen_take(const asc_frontend_config_t *c, asc_listen_t *state, int16_t *samples,
                         asc_frontend_work_t *work, void *ring, int8_t *output, const int16_t *audio, uint32_t n);

#ifdef __cplusplus
}
#endif

#endif
