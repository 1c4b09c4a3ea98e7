/* Streams: see asc_stream.h. */
#include "asc_stream.h"

#include <string.h>

static int8_t *line_of(const asc_lines_t *lines, int8_t *arena, uint32_t row) {
    const uint32_t line = row < lines->count ? row : row % lines->count;
    return arena + lines->offset + line * lines->line_step;
}

/* Returns the stage that computes a row which the next row of a stage's output lacks; ASC_GIVEN when it lacks none. */
static uint32_t lacking(const asc_stream_t *s, const asc_stage_t *stage, const uint16_t *done) {
    const asc_lines_t *const target = &s->lines[stage->lines];
    const uint32_t r = (uint32_t)done[stage->lines] - target->top;
    if (r < target->height) {
        const asc_window_t *w = s->windows + stage->window;
        for (uint32_t i = 0; i < stage->windows; ++i, ++w) {
            if (r * w->stride + w->skip + (w->rows - 1u) * w->dilation >= done[w->lines]) {
                return s->lines[w->lines].stage;
            }
        }
    }
    return ASC_GIVEN;
}

/* Fills a row of padding below: the line may hold an earlier row. */
static void fill(const asc_lines_t *lines, int8_t *line) {
    for (uint32_t c = 0; c < lines->channels; ++c, line += lines->channel_step) {
        int8_t *at = line;
        for (uint32_t x = 0; x < lines->columns; ++x, at += lines->pixel_step) {
            *at = (int8_t)lines->zero_point;
        }
    }
}

static void run(const asc_stream_t *s, uint32_t index, int8_t *arena, asc_run_row_fn run_row, const uint16_t *done,
                const int8_t **rows) {
    const asc_stage_t *const stage = &s->stages[index];
    const asc_lines_t *const target = &s->lines[stage->lines];
    int8_t *const line = line_of(target, arena, done[stage->lines]);
    const uint32_t r = (uint32_t)done[stage->lines] - target->top;
    if (r >= target->height) {
        fill(target, line);
        return;
    }
    const asc_window_t *w = s->windows + stage->window;
    const int8_t **pointer = rows;
    for (uint32_t i = 0; i < stage->windows; ++i, ++w) {
        uint32_t row = r * w->stride + w->skip;
        for (uint32_t u = 0; u < w->rows; ++u, row += w->dilation) {
            *pointer++ = line_of(&s->lines[w->lines], arena, row) + w->column_offset;
        }
    }
    run_row(arena, index, rows, (int32_t)r, line + stage->column_offset);
}

/* Computes the next row of a stage's output, and before it whatever rows are lacking. */
static void compute_row(const asc_stream_t *s, uint32_t index, int8_t *arena, asc_run_row_fn run_row, uint16_t *done,
                        const int8_t **rows, const asc_profile_t *profile) {
    uint16_t *const asker = done + s->n_lines; /* the stage that waits for another one */
    uint32_t at = index;
    for (;;) {
        const asc_stage_t *const stage = &s->stages[at];
        const uint32_t other = lacking(s, stage, done);
        if (other != ASC_GIVEN) {
            asker[other] = (uint16_t)at;
            at = other;
            continue;
        }
        const uint64_t start = profile != 0 ? profile->clock() : 0u;
        run(s, at, arena, run_row, done, rows);
        if (profile != 0) {
            profile->times[stage->step] += profile->clock() - start;
        }
        ++done[stage->lines];
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
        memset(arena + lines->offset, lines->zero_point, lines->bytes);
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
