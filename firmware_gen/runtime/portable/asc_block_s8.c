/*
 * The rare part of asc_block_s8.h, kept out of the inner loop's function.
 */
#include "asc_block_s8.h"

void asc_block_store_s8(const asc_requantize_t *r, int32_t channel, int32_t channels, const int32_t acc[2][4],
                        int8_t *y0, int8_t *y1) {
    for (int32_t c = 0; c < 4 && channel + c < channels; ++c) {
        y0[c] = asc_requantize(r, channel + c, acc[0][c]);
        y1[c] = asc_requantize(r, channel + c, acc[1][c]);
    }
}
