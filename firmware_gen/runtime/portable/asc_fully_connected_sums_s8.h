/*
 * The sums of asc_fully_connected_s8.c: in assembler on cores of Armv6-M and Armv8-M Baseline, as in
 * asc_block_sums_s8.h.
 */
#ifndef ASC_FULLY_CONNECTED_SUMS_S8_H
#define ASC_FULLY_CONNECTED_SUMS_S8_H

#include "asc_short_thumb.h"

#ifndef __ASSEMBLER__

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef ASC_SHORT_THUMB
/* sums[c] += sum_k x[k] * w[c][k]; n a multiple of 4, w bytes in words, those of c = 1 `next` bytes behind */
void asc_fully_connected_sums_s8(const int8_t *x, const int32_t *w, int32_t next, int32_t n, int32_t sums[2]);
#endif

#ifdef __cplusplus
}
#endif

#endif

#endif
