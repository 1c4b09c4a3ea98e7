/* Streams: see asc_stream.h. */
#include "asc_stream.h"

#include <string.h>

/* Points at the rows under row r of a stage's output. */
static void find_rows(const asc_window_t *w, uint32_t n, uint32_t r, const int8_t *arena, const int8_t **rows) {
    for (const asc_window_t *const end = w + n; w != end; ++w) {
        const uint32_t count = w->count;
        uint32_t row = r * w->stride + w->skip;
        row = row < count ? row : row % count;
        const int8_t *at = arena + w->offset + row * w->line_step;
        *rows++ = at;
        const uint32_t step = w->dilation * w->line_step;
        for (uint32_t u = w->rows; --u != 0u;) {
            /* there are more lines than a window of several rows is high */
            row += w->dilation;
            at += step;
            if (row >= count) {
                row -= count;
                at -= count * w->line_step;
            }
            *rows++ = at;
        }
    }
}

/* Fills memory by words: the memset of small C libraries goes byte by byte. */
static void fill(int8_t *at, int8_t value, uint32_t n) {
    const uint32_t word = 0x01010101u * (uint8_t)value;
    for (; n >= 8u; n -= 8u, at += 8) {
        memcpy(at, &word, 4);
        memcpy(at + 4, &word, 4);
    }
    for (; n != 0u; --n) {
        *at++ = value;
    }
}

/* Fills n bytes that lie a step apart. */
static void fill_apart(int8_t *at, int8_t value, uint32_t n, uint32_t step) {
    for (; n >= 4u; n -= 4u) {
        for (uint32_t k = 0; k < 4u; ++k, at += step) {
            *at = value;
        }
    }
    for (; n != 0u; --n, at += step) {
        *at = value;
    }
}

/* Fills a row of padding below: the line may hold an earlier row. */
static void fill_row(const asc_lines_t *lines, int8_t *line) {
    const int8_t zero_point = (int8_t)lines->zero_point;
    uint32_t columns = lines->columns;
    uint32_t channels = lines->channels;
    if (lines->channel_step == 1u) {
        fill(line, zero_point, columns * channels);
        return;
    }
    if (lines->channel_step == columns * lines->pixel_step) {
        /* one channel begins where the one before ends */
        columns *= channels;
        channels = 1;
    }
    for (; channels != 0u; --channels, line += lines->channel_step) {
        fill_apart(line, zero_point, columns, lines->pixel_step);
    }
}

/* Computes the next rows of a stage's output, as many as it does at once; returns their number. */
static uint32_t compute_rows(const asc_stream_t *s, uint32_t index, uint32_t row, int8_t *arena, asc_run_row_fn run_row,
                             const int8_t **rows) {
    const asc_stage_t *const stage = &s->stages[index];
    const asc_lines_t *const target = &s->lines[stage->lines];
    const uint32_t r = row - target->top;
    const uint32_t place = row < target->count ? row : row % target->count;
    int8_t *const line = arena + target->offset + place * target->line_step;
    if (r >= target->height) {
        fill_row(target, line);
        return 1;
    }
    find_rows(s->windows + stage->window, stage->windows, r, arena, rows);
    run_row(arena, index, rows, (int32_t)r, line + stage->column_offset);
    return stage->rows;
}

/* Fills what is padding, and sets the counters of rows. */
static void begin(const asc_stream_t *s, int8_t *arena, uint16_t *done) {
    for (uint32_t i = 0; i < s->n_lines; ++i) {
        const asc_lines_t *const lines = &s->lines[i];
        fill(arena + lines->offset, (int8_t)lines->zero_point, lines->bytes);
    }
    for (uint32_t i = 0; i < s->n_stages; ++i) {
        done[i] = s->lines[s->stages[i].lines].top;
    }
}

/* Goes on to the next move; returns 0 after the last. */
static int32_t go_on(const asc_stream_t *s, asc_place_t *at) {
    const asc_loop_t *const loop = &s->loops[at->loop];
    if (++at->move == loop->n_moves) {
        at->move = 0;
        if (++at->turn == loop->times) {
            at->turn = 0;
            ++at->loop;
        }
    }
    if (at->loop != s->n_loops) {
        return 1;
    }
    at->loop = 0;
    return 0;
}

int32_t asc_run_stream(const asc_stream_t *s, int8_t *arena, asc_run_row_fn run_row, uint16_t *done,
                       const int8_t **rows, const asc_profile_t *profile, asc_place_t *at) {
    if (at == 0 || (at->loop == 0 && at->turn == 0 && at->move == 0)) {
        begin(s, arena, done);
    }
    if (at != 0) {
        const uint32_t move = s->loops[at->loop].moves[at->move];
        done[move] = (uint16_t)(done[move] + compute_rows(s, move, done[move], arena, run_row, rows));
        return go_on(s, at);
    }
    for (const asc_loop_t *loop = s->loops, *const end = loop + s->n_loops; loop != end; ++loop) {
        const uint16_t *const last = loop->moves + loop->n_moves;
        for (uint32_t t = loop->times; t != 0u; --t) {
            for (const uint16_t *move = loop->moves; move != last; ++move) {
                const uint64_t start = profile != 0 ? profile->clock() : 0u;
                done[*move] = (uint16_t)(done[*move] + compute_rows(s, *move, done[*move], arena, run_row, rows));
                if (profile != 0) {
                    profile->times[s->stages[*move].step] += profile->clock() - start;
                }
            }
        }
    }
    return 0;
}
