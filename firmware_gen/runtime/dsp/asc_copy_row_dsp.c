/*
 * Copies a row from one place or layout to another: into lines with padding, or into the layout a kernel reads.
 *
 * Formula   output[x * out_pixel_step + c * out_channel_step] = row[x * in_pixel_step + c * in_channel_step]
 * Method    Contiguous rows in words. Between pixels and planes in blocks of 4 columns and 4 channels: four words in,
 *           transposed by halves, four words out. Of columns that are left four channels at once; the rest byte by
 * byte. Exact     by construction
 */
#include "asc_intrinsics_dsp.h"
#include "asc_kernels_dsp.h"

static void copy_bytes(const int8_t *from, int8_t *to, int32_t n) {
    for (; n >= 16; n -= 16, from += 16, to += 16) {
        const uint32_t a = asc_load(from);
        const uint32_t b = asc_load(from + 4);
        const uint32_t c = asc_load(from + 8);
        const uint32_t d = asc_load(from + 12);
        asc_store(to, a);
        asc_store(to + 4, b);
        asc_store(to + 8, c);
        asc_store(to + 12, d);
    }
    for (; n > 0; --n) {
        *to++ = *from++;
    }
}

/* Element (i, j) of a 4x4 block is at from + i * from_step + j, and goes to to + j * to_step + i. */
static inline void transpose(const int8_t *from, int32_t from_step, int8_t *to, int32_t to_step) {
    const int8_t *const lower = from + 2 * from_step;
    uint32_t a = asc_load(from);
    uint32_t b = asc_load(from + from_step);
    uint32_t c = asc_load(lower);
    uint32_t d = asc_load(lower + from_step);
    asc_transpose_bytes(&a, &b, &c, &d);
    int8_t *const upper = to + 2 * to_step;
    asc_store(to, a);
    asc_store(to + to_step, b);
    asc_store(upper, c);
    asc_store(upper + to_step, d);
}

/* Copies one column of n channels, a multiple of 4: four channels at once where they lie together in the input. */
static void scatter(const int8_t *from, int8_t *to, int32_t step, int32_t n) {
    for (const int8_t *const end = from + n; from != end; from += 4) {
        const uint32_t word = asc_load(from);
        to[0] = (int8_t)(uint8_t)word;
        to[step] = (int8_t)(uint8_t)(word >> 8);
        to += 2 * step;
        to[0] = (int8_t)(uint8_t)(word >> 16);
        to[step] = (int8_t)(uint8_t)(word >> 24);
        to += 2 * step;
    }
}

/* The same where they lie together in the output. */
static void gather(const int8_t *from, int32_t step, int8_t *to, int32_t n) {
    for (const int8_t *const end = to + n; to != end; to += 4, from += 4 * step) {
        const int8_t *const upper = from + 2 * step;
        const uint32_t low = (uint8_t)from[0] | (uint32_t)(uint8_t)from[step] << 8;
        asc_store(to, low | (uint32_t)(uint8_t)upper[0] << 16 | (uint32_t)(uint8_t)upper[step] << 24);
    }
}

/* Copies the columns from `first` of the channels from `channel`, byte by byte. */
static void copy_rest(const asc_copy_row_t *p, const int8_t *input, int8_t *output, int32_t first, int32_t channel) {
    for (int32_t c = channel; c < p->channels; ++c) {
        const int8_t *from = input + c * p->in_channel_step + first * p->in_pixel_step;
        int8_t *to = output + c * p->out_channel_step + first * p->out_pixel_step;
        for (int32_t x = first; x < p->columns; ++x, from += p->in_pixel_step, to += p->out_pixel_step) {
            *to = *from;
        }
    }
}

void asc_copy_row_dsp(const asc_copy_row_t *p, const int8_t *const *rows, int8_t *output) {
    const int8_t *const input = rows[0];
    const int32_t channels = p->channels;
    const int32_t columns = p->columns;
    const int32_t pixels = channels == 1 || (p->in_channel_step == 1 && p->out_channel_step == 1);
    if (pixels && p->in_pixel_step == channels && p->out_pixel_step == channels) {
        copy_bytes(input, output, columns * channels);
        return;
    }
    const int32_t to_planes = p->in_channel_step == 1 && p->out_pixel_step == 1;
    const int32_t to_pixels = p->in_pixel_step == 1 && p->out_channel_step == 1;
    if (!to_planes && !to_pixels) {
        copy_rest(p, input, output, 0, 0);
        return;
    }
    const int32_t whole_columns = columns / 4 * 4;
    const int32_t whole_channels = channels / 4 * 4;
    const int32_t from_step = to_planes ? p->in_pixel_step : p->in_channel_step;
    const int32_t to_step = to_planes ? p->out_channel_step : p->out_pixel_step;
    /* the longer axis in the inner loop */
    const int32_t by_column = whole_columns > whole_channels;
    const int32_t n_outer = by_column ? whole_channels : whole_columns;
    const int32_t n_inner = by_column ? whole_columns : whole_channels;
    const int32_t from_outer = by_column ? p->in_channel_step : p->in_pixel_step;
    const int32_t from_inner = by_column ? p->in_pixel_step : p->in_channel_step;
    const int32_t to_outer = by_column ? p->out_channel_step : p->out_pixel_step;
    const int32_t to_inner = by_column ? p->out_pixel_step : p->out_channel_step;
    for (int32_t outer = 0; outer < n_outer; outer += 4) {
        const int8_t *from = input + outer * from_outer;
        int8_t *to = output + outer * to_outer;
        for (int32_t inner = 0; inner < n_inner; inner += 4, from += 4 * from_inner, to += 4 * to_inner) {
            transpose(from, from_step, to, to_step);
        }
    }
    copy_rest(p, input, output, 0, whole_channels);
    for (int32_t x = whole_columns; x < columns; ++x) {
        const int8_t *const from = input + x * p->in_pixel_step;
        int8_t *const to = output + x * p->out_pixel_step;
        if (to_planes) {
            scatter(from, to, p->out_channel_step, whole_channels);
        } else {
            gather(from, p->in_channel_step, to, whole_channels);
        }
    }
}
