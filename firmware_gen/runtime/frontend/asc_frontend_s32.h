/*
 * The bands of one frame in integers, for cores without floats.
 *
 * Formula   equation (6) of asc_frontend_f32.h: e[m] = offset + scale[m] * sum of bins, given as a float's bits.
 *           A frame is scaled by `gain`, the power of two that brings its largest sample to 2^30 or more (block
 *           floating point); bins have 64 bits and so have their sums; sums, scales and the offset get a mantissa of
 *           32 bits and an exponent before they are put together
 * Shapes    slopes uint32 [bins], times 2^32; counts uint16 [n_mels + 1], as in asc_frontend_f32.h; scales uint32
 *           [n_mels], times 2^-32 and 2^scale_exponent
 * Overflow  none: by Parseval's theorem all powers X[k]^2 together are below 2^61, all magnitudes times 2^16 below 2^55
 * Error     of X[k], in units of which a full-scale tone has 2^29 and any frame's loudest sample at least half that of
 *           full scale: derived in asc_fft_s32.h at most 100 (2^-22 of the tone) up to 4,096 points, measured 11; 2^-31
 *           from window, slopes and scales each; of e beyond that 2^-24, with magnitudes 2^-15. Measured by
 *           tests/codegen/test_frontend_transform.py and test_frontend_c.py. A frame of zeros is exact
 * Exact     integers: the same bits on every core
 */
#ifndef ASC_FRONTEND_S32_H
#define ASC_FRONTEND_S32_H

#include "asc_fft_power_s32.h"
#include "asc_fft_s32.h"
#include "asc_fft_window_s32.h"
#include "asc_frontend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    void (*run)(int32_t *x, const int32_t *end, int32_t m, const int32_t *twiddles);
    int32_t m;
    const int32_t *twiddles;
} asc_fft_pass_s32_t;

/* Tables of the front end, in the generator's choice of passes. */
typedef struct {
    void (*first_pass)(const asc_fft_window_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x);
    asc_fft_window_s32_t window;
    const asc_fft_pass_s32_t *passes;
    int32_t n_passes;
    const int32_t *turns;
    int32_t power;                         /* 1: magnitudes, 2: powers */
    void (*finish)(int32_t *x, int32_t n); /* asc_fft_magnitude_s32, or null where powers are wanted */
    int32_t first_bin;
    const uint16_t *counts;
    const uint32_t *slopes;
    const uint32_t *scales;
    int32_t scale_exponent;
    uint32_t offset; /* from 2^31 on, times 2^offset_exponent */
    int32_t offset_exponent;
} asc_frontend_s32_t;

/* A part of it, for tests: one window of samples to bins of 64 bits. */
void asc_frontend_spectrum_s32(const asc_frontend_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x);

/* The `bands` of asc_frontend_config_t; its tables are an asc_frontend_s32_t. */
void asc_frontend_s32(const asc_frontend_config_t *c, const int16_t *window, asc_frontend_work_t *work);

#ifdef __cplusplus
}
#endif

#endif
