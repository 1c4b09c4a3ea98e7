/*
 * AVERAGE_POOL_2D: one row of the output, four channels at once.
 *
 * Formula   y[j][c] = mean over the rows and columns of the window that exist, half away from zero. With S the sum of n
 *           elements, s = S + 128 n + n / 2 is not negative, and y = floor((s - [n even and S < 0]) / n) - 128; the
 *           quotient of s is ((s + 1) * reciprocal[n]) >> 32, which the generator has compared for every s.
 *           For n = 2^k, y = (S + n / 2 - [S < 0]) >> k, of two channels in one register.
 * Shapes    rows [kernel_h][in_w][channels]; rows of the window outside of the input are not read
 *           output [out_w][channels]; `row` is the number of the output's row
 * Method    SXTAB16 adds two bytes of a word to the halves of a register.
 * Reads     up to 3 bytes beyond a row
 * Overflow  sums have 16 bits without sign: s + 1 < 2^16 as n < 256
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (20)
 */
#include "asc_intrinsics_dsp.h"
#include "asc_kernels_dsp.h"

/* The window of one output. */
typedef struct {
    const int8_t *const *rows; /* those that exist */
    int32_t n_rows, columns;
    int32_t at; /* bytes to the first column */
    uint32_t offset;
    uint32_t reciprocal;
} window_t;

/* Sums of the elements 0 and 2, and 1 and 3, of four neighbours. */
typedef struct {
    uint32_t even, odd;
} sums_t;

static inline void add(sums_t *sums, const int8_t *at) {
    const uint32_t word = asc_load(at);
    sums->even = asc_sxtab16(sums->even, word);
    sums->odd = asc_sxtab16_odd(sums->odd, word);
}

static inline sums_t sums_of(const window_t *w, int32_t channels, int32_t c, uint32_t start) {
    sums_t sums = {start, start};
    for (int32_t u = 0; u < w->n_rows; ++u) {
        const int8_t *at = w->rows[u] + w->at + c;
        for (int32_t v = 0; v < w->columns; ++v, at += channels) {
            add(&sums, at);
        }
    }
    return sums;
}

static inline void add_three(sums_t *sums, const int8_t *at, int32_t channels) {
    add(sums, at);
    add(sums, at + channels);
    add(sums, at + 2 * channels);
}

static inline int8_t quotient(const window_t *w, uint32_t s) {
    return (int8_t)(int32_t)((uint32_t)((uint64_t)s * w->reciprocal >> 32) - 128u);
}

/* Half away from zero: `negative` is the largest s of negative sums where elements are even, else 0. */
static inline uint32_t untie(uint32_t s, uint32_t negative) {
    return s <= negative ? s - 1u : s;
}

/* S / 2^k of both halves, k 1 or 2, half away from zero; `half` is 2^(k - 1) in each. */
static inline uint32_t shifted(uint32_t sums, uint32_t half, int32_t k) {
    const uint32_t value = asc_halved_sums(sums, asc_by_sign(sums, half, half - 0x10001u));
    return k == 1 ? value : asc_halved_sums(value, 0u);
}

/* The means of two or four elements; returns how many channels are done. */
static int32_t halves_of(const window_t *w, int32_t channels, int8_t *output) {
    const int32_t count = w->n_rows * w->columns;
    const uint32_t half = (uint32_t)count / 2u * 0x10001u;
    const int8_t *at[4];
    for (int32_t i = 0; i < count; ++i) {
        at[i] = w->rows[i / w->columns] + w->at + i % w->columns * channels;
    }
    const int8_t *const at_0 = at[0];
    const int8_t *const at_1 = at[1];
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4) {
        sums_t sums = {0u, 0u};
        add(&sums, at_0 + c);
        add(&sums, at_1 + c);
        if (count == 4) {
            add(&sums, at[2] + c);
            add(&sums, at[3] + c);
        }
        const uint32_t even = shifted(sums.even, half, count / 2) & 0x00FF00FFu;
        const uint32_t odd = shifted(sums.odd, half, count / 2) & 0x00FF00FFu;
        asc_store(output + c, even | odd << 8);
    }
    return c;
}

void asc_average_pool_row_dsp(const asc_pool_row_dsp_t *p, const int8_t *const *rows, int32_t row, int8_t *output) {
    const int32_t channels = p->channels;
    const int32_t first = row * p->stride_h - p->pad_top;
    const int32_t top = first < 0 ? -first : 0;
    const int32_t bottom = first + p->kernel_h > p->in_h ? p->in_h - first : p->kernel_h;
    for (int32_t j = 0; j < p->out_w; ++j, output += channels) {
        const int32_t column = j * p->stride_w - p->pad_left;
        const int32_t left = column < 0 ? 0 : column;
        const int32_t right = column + p->kernel_w > p->in_w ? p->in_w : column + p->kernel_w;
        const int32_t count = (bottom - top) * (right - left);
        const window_t w = {
            .rows = rows + top,
            .n_rows = bottom - top,
            .columns = right - left,
            .at = left * channels,
            .offset = 128u * (uint32_t)count + (uint32_t)count / 2u,
            .reciprocal = p->reciprocals[count],
        };
        int32_t c = 0;
        if (w.n_rows == 3 && w.columns == 3) { /* the most common one */
            const int8_t *row_0 = w.rows[0] + w.at;
            const int8_t *row_1 = w.rows[1] + w.at;
            const int8_t *row_2 = w.rows[2] + w.at;
            const uint32_t start = (w.offset + 1u) * 0x10001u;
            for (; c + 4 <= channels; c += 4) {
                sums_t sums = {start, start};
                add_three(&sums, row_0, channels);
                add_three(&sums, row_1, channels);
                add_three(&sums, row_2, channels);
                row_0 += 4;
                row_1 += 4;
                row_2 += 4;
                output[c] = quotient(&w, sums.even & 0xFFFFu);
                output[c + 1] = quotient(&w, sums.odd & 0xFFFFu);
                output[c + 2] = quotient(&w, sums.even >> 16);
                output[c + 3] = quotient(&w, sums.odd >> 16);
            }
        }
        if (count == 2 || count == 4) {
            c = halves_of(&w, channels, output);
        }
        const uint32_t negative = count % 2 == 0 ? w.offset : 0u;
        for (; c < channels; c += 4) {
            const sums_t sums = sums_of(&w, channels, c, (w.offset + 1u) * 0x10001u);
            const int32_t n = channels - c;
            output[c] = quotient(&w, untie(sums.even & 0xFFFFu, negative));
            if (n > 1) {
                output[c + 1] = quotient(&w, untie(sums.odd & 0xFFFFu, negative));
            }
            if (n > 2) {
                output[c + 2] = quotient(&w, untie(sums.even >> 16, negative));
            }
            if (n > 3) {
                output[c + 3] = quotient(&w, untie(sums.odd >> 16, negative));
            }
        }
    }
}
