/*
 * Streams: parts of a network that are computed row by row.
 *
 * A stage computes one row of its output per call, or a few, as soon as the rows it needs are there. A tensor inside of
 * a stream has place for a few rows only, its lines, which are used in turn: row r lies in line r % count. Rows and
 * columns of padding exist as others do and hold the zero point, so that kernels know no borders.
 *
 * Order     the generator has found it: which stage computes its next row, move by move, as loops. Nothing is computed
 *           before it is needed, and a row is there when a move reads it.
 * Memory    the lines lie in the arena; the caller gives place for the counters and pointers
 */
#ifndef ASC_STREAM_H
#define ASC_STREAM_H

#include <stdint.h>

#include "asc_place.h"
#include "asc_profile.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the rows of a tensor lie: element (row, column, channel) at offset + row % count * line_step + column *
 * pixel_step + channel * channel_step, rows and columns counted with those of the padding. */
typedef struct {
    uint32_t offset; /* in the arena */
    uint32_t bytes;  /* of all lines, to be filled with the zero point first; 0: no padding */
    uint32_t line_step, pixel_step, channel_step;
    uint16_t count;             /* lines */
    uint16_t top, height;       /* rows of padding above, rows; what a stage computes after these is padding below */
    uint16_t columns, channels; /* of a line, padding included; 0 where there is no padding below */
    int16_t zero_point;
} asc_lines_t;

/* The rows of one input under one row of the output: r * stride + skip + u * dilation, u < rows. */
typedef struct {
    uint32_t offset;    /* of line 0, first column of the window, in the arena */
    uint32_t line_step; /* as the tensor's */
    uint16_t count;     /* lines of the tensor */
    uint16_t rows, stride, dilation;
    uint16_t skip; /* rows of padding above that the window does not want */
} asc_window_t;

typedef struct {
    uint32_t column_offset; /* bytes from the beginning of a line of the output to column 0 */
    uint16_t window;        /* first of its windows */
    uint16_t windows;
    uint16_t lines; /* the output */
    uint16_t rows;  /* of the output, that a move computes; rows of padding below come one by one */
    uint16_t step;  /* number for the profile */
} asc_stage_t;

/* Moves that are made several times, one after the other. */
typedef struct {
    const uint16_t *moves; /* each the stage that computes its next rows */
    uint16_t n_moves, times;
} asc_loop_t;

typedef struct {
    const asc_lines_t *lines;
    const asc_window_t *windows;
    const asc_stage_t *stages;
    const asc_loop_t *loops;
    uint16_t n_lines, n_stages, n_loops;
} asc_stream_t;

/* Runs the kernel of a stage for one row of its output, or for as many as it computes at once, `row` the first. */
typedef void (*asc_run_row_fn)(int8_t *arena, uint32_t stage, const int8_t *const *rows, int32_t row, int8_t *output);

/*
 * done: place for n_stages counters; rows: for the pointers to all rows of a stage; profile: may be 0; at: where a run
 * in pieces stands, of which this makes one move, or 0, to make all. Returns 1 while there are moves left.
 */
int32_t asc_run_stream(const asc_stream_t *s, int8_t *arena, asc_run_row_fn run_row, uint16_t *done,
                       const int8_t **rows, const asc_profile_t *profile, asc_place_t *at);

#ifdef __cplusplus
}
#endif

#endif
