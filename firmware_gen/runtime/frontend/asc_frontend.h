/*
 * The log-mel front end: a stream of samples in, the network's int8 input out.
 *
 * Formula   y[t][m] = quantize(log(offset + sum_k filter[m][k] * |X[t][k]|^power)), X the transform of the windowed
 *           frame t; quantize(v) = clamp(rint(v * inverse_scale) + zero_point), ties to even
 *           with standardisation and deltas: asc_frontend_clip.c
 * Error     against the float64 reference: log-mel values within 5e-4 and int8 values equal in at least 99 % of the
 *           cases and never more than 1 apart; measured by tests/codegen/test_frontend_c.py. Bands 120 dB below a pure
 *           tone hold rounding errors of float32: they count where log_offset is as small, see docs/frontend.md
 * Memory    one window of samples and one spectrum, not the clip; log-mel values of the clip only where standardisation
 *           or deltas need them all
 */
#ifndef ASC_FRONTEND_H
#define ASC_FRONTEND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct asc_frontend_constants asc_frontend_config_t;

/* A word of the working memory: floats, or integers on cores without them. */
typedef union {
    float f32;
    int32_t s32;
    uint32_t bits;
} asc_frontend_work_t;

/* Constants, made by the generator from the front end's specification. */
struct asc_frontend_constants {
    int32_t n_fft, win_length, hop_length, n_frames, n_mels, clip_samples;
    int32_t first;                /* position of frame 0's first sample; negative where the clip is padded */
    int32_t reflect;              /* 1: the clip's mirror image stands in the padding; 0: zeros */
    int32_t frame_step, mel_step; /* elements of the network's input from one frame, one band to the next */
    /* bands e of one window, as floats at work[band_first + m * band_step]; with tables of its own */
    void (*bands)(const asc_frontend_config_t *c, const int16_t *window, asc_frontend_work_t *work);
    const void *tables;
    int32_t band_first, band_step;
    float log_factor; /* 1, or 1 / ln(10) */
    /* values frame by frame: asc_frontend_quantize.h, equation (8) */
    const uint32_t *thresholds; /* [256] */
    int64_t guess_start;
    int32_t guess_slope;
    /* values of a whole clip: asc_frontend_log_mel and asc_frontend_clip, or null where nothing needs a whole clip and
     * the rest is not used */
    void (*log_mel)(const asc_frontend_config_t *c, const asc_frontend_work_t *work, float *log_mel);
    void (*finish_clip)(const asc_frontend_config_t *c, float *log_mel, int8_t *output);
    int32_t zero_point;
    float inverse_scale;
    int32_t standardize; /* 1: each channel of a clip */
    int32_t delta_reach; /* frames before and after that a delta looks at; 0: no deltas */
    float delta_factor;  /* 1 / (2 sum n^2), n from 1 to delta_reach */
    float std_floor;     /* least deviation to divide by */
};

/* Where a clip stands. */
typedef struct {
    int32_t received; /* samples taken */
    int32_t end;      /* position after the last sample in the buffer, padding included */
    int32_t frame;    /* next frame */
} asc_frontend_t;

/* Starts a clip. */
void asc_frontend_init(asc_frontend_t *state);

/*
 * Takes samples, computes all frames they complete and returns how many it took: all, up to the end of the clip.
 * samples [ASC_FRONTEND_SAMPLES] and work [ASC_FRONTEND_WORDS] belong to the front end until the clip is complete.
 * work holds one spectrum, [n_fft + 2], then, where there is a finish_clip, the clip's log-mel values
 * [n_frames][n_mels], then a frame's bands where they have no place in the spectrum.
 */
uint32_t asc_frontend_push(const asc_frontend_config_t *c, asc_frontend_t *state, int16_t *samples,
                           asc_frontend_work_t *work, int8_t *output, const int16_t *audio, uint32_t n);

/* Log-mel values of the bands in work. */
void asc_frontend_log_mel(const asc_frontend_config_t *c, const asc_frontend_work_t *work, float *log_mel);

/* Their int8 features, mel_step apart, where there is no finish_clip. */
void asc_frontend_quantize_bands(const asc_frontend_config_t *c, const asc_frontend_work_t *work, int8_t *output);

/* Copies n samples to an address below their own or in another buffer, word by word. */
void asc_frontend_copy(int16_t *to, const int16_t *from, int32_t n);

/* Standardises a clip's log-mel values [n_frames][n_mels] in place, computes their deltas and quantizes both. */
void asc_frontend_clip(const asc_frontend_config_t *c, float *log_mel, int8_t *output);

/* Its parts, for tests: how a channel is standardised, one value of it, and the delta of a value of frame t. */
typedef struct {
    float first, mean, factor; /* standardised: ((value - first) - mean) * factor */
} asc_frontend_scaling_t;

static inline float asc_frontend_scaled(asc_frontend_scaling_t scaling, float value) {
    return ((value - scaling.first) - scaling.mean) * scaling.factor;
}

asc_frontend_scaling_t asc_frontend_scaling(const asc_frontend_config_t *c, const float *values, int32_t deltas);
float asc_frontend_delta(const asc_frontend_config_t *c, const float *value, int32_t t);

#ifdef __cplusplus
}
#endif

#endif
