/*
 * The sums of asc_block_s8.h on cores of Armv6-M and Armv8-M Baseline, such as Cortex-M0+.
 *
 * These have eight registers that can be multiplied or loaded, and no load of a signed byte at a constant distance: in
 * C the same sums take twice as long.
 */
#ifndef ASC_BLOCK_SUMS_S8_H
#define ASC_BLOCK_SUMS_S8_H

#include "asc_short_thumb.h"

#ifndef __ASSEMBLER__

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* sums[p][c] = bias[c] + sum_k x[k][p] * w[k][c]; n is a multiple of 4, above 0; x and w as in asc_block_s8.h */
void asc_block_sums_s8(const int8_t *x, const int32_t *w, int32_t n, const int32_t *bias, int32_t sums[2][4]);

#ifdef __cplusplus
}
#endif

#endif

#endif
