/*
 * AVERAGE_POOL_2D: one row of the output, four channels at once.
 *
 * Formula   y[j][c] = mean over the rows and columns of the window that exist, half away from zero. With S the sum of n
 *           elements, s = S + 128 n + n / 2 is positive, and y = floor((s - [n even and S < 0]) / n) - 128; the
 *           quotient is ((2 s + 1) * divisor[n]) >> 32, which the generator has compared for every s.
 * Shapes    rows [kernel_h][in_w][channels]; rows of the window outside of the input are not read; output [out_w]
 *           [channels]; `row` is the number of the output's row
 * Method    SXTAB16 adds two bytes of a word to the halves of a register.
 * Reads     up to 3 bytes beyond a row
 * Overflow  sums have 16 bits without sign: s < 2^16 as n < 256
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (20)
 */
#include "asc_intrinsics_dsp.h"
#include "asc_kernels_dsp.h"

/* Sums of the elements 0 and 2, and 1 and 3, of four neighbours. */
typedef struct {
    uint32_t even, odd;
} sums_t;

static inline void add(sums_t *sums, const int8_t *at) {
    const uint32_t word = asc_load(at);
    sums->even = asc_sxtab16(sums->even, word);
    sums->odd = asc_sxtab16_odd(sums->odd, word);
}

static inline int8_t mean(uint32_t s, uint32_t even_middle, int32_t divisor) {
    const uint32_t tie = s < even_middle ? 1u : 0u; /* even_middle is 0 for odd counts: no ties */
    return (int8_t)(asc_high_product((int32_t)(2u * (s - tie) + 1u), divisor) - 128);
}

void asc_average_pool_row_dsp(const asc_pool_row_dsp_t *p, const int8_t *const *rows, int32_t row, int8_t *output) {
    const int32_t channels = p->channels;
    const int32_t first = row * p->stride_h - p->pad_top;
    const int32_t top = first < 0 ? -first : 0;
    const int32_t bottom = first + p->kernel_h > p->in_h ? p->in_h - first : p->kernel_h;
    for (int32_t j = 0; j < p->out_w; ++j) {
        const int32_t column = j * p->stride_w - p->pad_left;
        const int32_t left = column < 0 ? 0 : column;
        const int32_t right = column + p->kernel_w > p->in_w ? p->in_w : column + p->kernel_w;
        const int32_t columns = right - left;
        const uint32_t count = (uint32_t)((bottom - top) * columns);
        const uint32_t offset = 128u * count + count / 2u;
        const uint32_t even_middle = (count & 1u) != 0u ? 0u : offset;
        const int32_t divisor = p->divisors[count];
        for (int32_t c = 0; c < channels; c += 4) {
            sums_t sums = {offset | offset << 16, offset | offset << 16};
            for (int32_t u = top; u < bottom; ++u) {
                const int8_t *at = rows[u] + left * channels + c;
                if (columns == 3) {
                    add(&sums, at);
                    add(&sums, at + channels);
                    add(&sums, at + 2 * channels);
                    continue;
                }
                for (int32_t v = 0; v < columns; ++v, at += channels) {
                    add(&sums, at);
                }
            }
            const int8_t means[4] = {
                mean(sums.even & 0xFFFFu, even_middle, divisor),
                mean(sums.odd & 0xFFFFu, even_middle, divisor),
                mean(sums.even >> 16, even_middle, divisor),
                mean(sums.odd >> 16, even_middle, divisor),
            };
            if (channels - c >= 4) {
                output[0] = means[0];
                output[1] = means[1];
                output[2] = means[2];
                output[3] = means[3];
                output += 4;
            } else {
                for (int32_t i = 0; i < channels - c; ++i) {
                    *output++ = means[i];
                }
            }
        }
    }
}
