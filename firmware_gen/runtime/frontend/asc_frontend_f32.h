/*
 * The bands of one frame in float32.
 *
 * Formula   e[m] = offset + scale[m] * sum_k filter[m][k] * |X[k]|^power
 *           Filters are triangles. Between the centres of two neighbours, m and m + 1, every bin is in both, and
 *           their slopes there, one falling and one rising, add up to 1. Of the n bins of such an interval, with
 *           P = |X[k]|^power and the falling slope s of the last one, which changes by d from bin to bin, m gets
 *           F = d * sum_i (n - 1 - i) P_i + s * sum_i P_i, and m + 1 gets |sum_i P_i - F|                           (6)
 *           The first sum is that of all partial sums of the second one: no bin is multiplied.
 *           (scale[m] is 2 / width for filters of area 1, else 1)
 * Shapes    counts uint16 [n_mels + 1], bins from one filter's lower edge to the next one's, from first_bin on;
 *           shares float [n_mels + 1][2], d and s; before the first centre s is the rising slope of the first bin
 * Error     that of the bins, asc_fft_f32.h, and 2^-24 of sum_i P_i for each bin of an interval; neither F nor what
 *           m + 1 gets is negative, so that no e is below the offset
 *
 * asc_frontend_bands_f32 is in assembler in a file of its name, see asc_fft_registers_f32.h, or in C in
 * asc_frontend_bands_portable_f32.c.
 */
#ifndef ASC_FRONTEND_F32_H
#define ASC_FRONTEND_F32_H

/* offsets of the fields of asc_frontend_f32_t in bytes, for assembler */
#define ASC_FRONTEND_FIRST_BIN 40
#define ASC_FRONTEND_COUNTS 44
#define ASC_FRONTEND_SHARES 48
#define ASC_FRONTEND_SCALES 52
#define ASC_FRONTEND_OFFSET 56

#ifndef __ASSEMBLER__

#include "asc_fft_f32.h"
#include "asc_fft_power_f32.h"
#include "asc_fft_window_f32.h"
#include "asc_frontend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    void (*run)(float *x, const float *end, int32_t m, const float *twiddles);
    int32_t m;
    const float *twiddles;
} asc_fft_pass_f32_t;

/* Tables of the front end, in the generator's choice of passes. */
typedef struct {
    void (*first_pass)(const asc_fft_window_f32_t *c, const int16_t *samples, float *x);
    asc_fft_window_f32_t window;
    const asc_fft_pass_f32_t *passes;
    int32_t n_passes;
    void (*last_pass)(float *x, int32_t n_fft, const float *table);
    const float *last_table;
    void (*finish)(float *work, int32_t n_fft); /* asc_frontend_magnitude_f32, or null where powers are wanted */
    int32_t first_bin;
    const uint16_t *counts;
    const float *shares;
    const float *scales;
    float offset;
} asc_frontend_f32_t;

void asc_frontend_magnitude_f32(float *work, int32_t n_fft);

/* The parts: one window of samples to bins at work[2 * k], and those to the bands at work[2 * m + 1]. */
void asc_frontend_spectrum_f32(const asc_frontend_f32_t *c, const int16_t *samples, float *work);
void asc_frontend_bands_f32(const asc_frontend_f32_t *c, int32_t n_mels, float *work);

/* The `bands` of asc_frontend_config_t; its tables are an asc_frontend_f32_t. */
void asc_frontend_f32(const asc_frontend_config_t *c, const int16_t *window, asc_frontend_work_t *work);

#ifdef __cplusplus
}
#endif

#endif

#endif
