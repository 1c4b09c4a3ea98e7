/* Streams: see asc_stream.h. */
#include "asc_stream.h"

#include <string.h>

/* Points at the rows under row r of a stage's output. Returns the stage that computes one which is lacking, or
 * ASC_GIVEN when none is. */
static uint32_t find_rows(const asc_stream_t *s, const asc_stage_t *stage, uint32_t r, const int8_t *arena,
                          const uint16_t *done, const int8_t **rows) {
    const asc_window_t *w = s->windows + stage->window;
    const asc_window_t *const end = w + stage->windows;
    for (; w != end; ++w) {
        uint32_t row = r * w->stride;
        if (row + w->reach >= done[w->lines]) {
            return s->lines[w->lines].stage;
        }
        const uint32_t count = w->count;
        row += w->skip;
        row = row < count ? row : row % count;
        const int8_t *at = arena + w->offset + row * w->line_step;
        *rows++ = at;
        for (uint32_t u = 1; u < w->rows; ++u) {
            /* there are more lines than a window of several rows is high */
            row += w->dilation;
            at += w->dilation * w->line_step;
            if (row >= count) {
                row -= count;
                at -= count * w->line_step;
            }
            *rows++ = at;
        }
    }
    return ASC_GIVEN;
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

/* Fills a row of padding below: the line may hold an earlier row. */
static void fill_row(const asc_lines_t *lines, int8_t *line) {
    const int8_t zero_point = (int8_t)lines->zero_point;
    if (lines->channel_step == 1u) {
        fill(line, zero_point, (uint32_t)lines->columns * lines->channels);
        return;
    }
    for (uint32_t c = 0; c < lines->channels; ++c, line += lines->channel_step) {
        int8_t *at = line;
        for (uint32_t x = lines->columns; x != 0u; --x, at += lines->pixel_step) {
            *at = zero_point;
        }
    }
}

/* Computes the next row of a stage's output, and before it whatever rows are lacking. */
static void compute_row(const asc_stream_t *s, uint32_t index, int8_t *arena, asc_run_row_fn run_row, uint16_t *done,
                        const int8_t **rows, const asc_profile_t *profile) {
    uint16_t *const asker = done + s->n_lines; /* the stage that waits for another one */
    uint32_t at = index;
    for (;;) {
        const asc_stage_t *const stage = &s->stages[at];
        const asc_lines_t *const target = &s->lines[stage->lines];
        const uint32_t row = done[stage->lines];
        const uint32_t r = row - target->top;
        if (r < target->height) {
            const uint32_t other = find_rows(s, stage, r, arena, done, rows);
            if (other != ASC_GIVEN) {
                asker[other] = (uint16_t)at;
                at = other;
                continue;
            }
        }
        int8_t *const line =
            arena + target->offset + (row < target->count ? row : row % target->count) * target->line_step;
        const uint64_t start = profile != 0 ? profile->clock() : 0u;
        if (r < target->height) {
            run_row(arena, at, rows, (int32_t)r, line + stage->column_offset);
        } else {
            fill_row(target, line);
        }
        if (profile != 0) {
            profile->times[stage->step] += profile->clock() - start;
        }
        done[stage->lines] = (uint16_t)(row + 1u);
        if (at == index) {
            return;
        }
        at = asker[at];
    }
}

void asc_run_stream(const asc_stream_t *s, int8_t *arena, asc_run_row_fn run_row, uint16_t *counters,
                    const int8_t **rows, const asc_profile_t *profile) {
    for (uint32_t i = 0; i < s->n_lines; ++i) {
        const asc_lines_t *const lines = &s->lines[i];
        fill(arena + lines->offset, (int8_t)lines->zero_point, lines->bytes);
        counters[i] = lines->stage == ASC_GIVEN ? lines->height : lines->top;
    }
    int32_t more = 1;
    while (more != 0) {
        more = 0;
        for (uint32_t i = 0; i < s->n_stages; ++i) {
            const asc_stage_t *const stage = &s->stages[i];
            if (stage->wanted != 0 && counters[stage->lines] < s->lines[stage->lines].height) {
                compute_row(s, i, arena, run_row, counters, rows, profile);
                more = 1;
            }
        }
    }
}
