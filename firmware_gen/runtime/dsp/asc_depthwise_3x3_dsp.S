/*
 * One row of a 3x3 depthwise convolution with column stride 1.
 *
 * Formula   equations (9) to (15) of docs/quantization.md, the last three in the form of (15''), whose constants are
 *           proved when they are generated; ASC_FORM_POSITIVE has shift 10 here.
 * Shapes    rows: three of [channel][column], a channel's in_channel_step apart; output: [out_w][channels] in steps
 *           of out_pixel_step and out_channel_step.
 * Method    Two neighbouring outputs from one unaligned LDR of each row: of its bytes b0 b1 b2 b3 the first output takes
 *           (b0, b2) with one SMLAD and b1 with one SMLABB, the second (b1, b3) and b2.
 * Reads     up to 3 bytes beyond the last column of a channel.
 * Overflow  sums wrap; the final one has 32 bits: (15'').
 * Overlap   the output may not share memory with the rows.
 * Exact     bit for bit TFLite's BUILTIN_REF.
 * Source    SXTB16, SMLAD, SMLABB: Armv7-M Architecture Reference Manual, A7.7.
 */
#include "asc_depthwise_dsp.h"
#include "asc_depthwise_pair_dsp.h"

.macro row_pair row, w, m, half, a_in, b_in
    ldr even, [\row], #2
    sxtb16 odd, even, ror #8
    sxtb16 even, even
    smlad sum_a, even, \w, \a_in
    smlad sum_b, odd, \w, \b_in
    smlab\half sum_a, odd, \m, sum_a
    smlat\half sum_b, even, \m, sum_b
.endm

.macro pair_sums
    row_pair row_0, w_0, m_01, b, start, start
    row_pair row_1, w_1, m_01, t, sum_a, sum_b
    row_pair row_2, w_2, m_2, b, sum_a, sum_b
.endm

.macro row_single row, w, m, half, a_in
    ldr even, [\row], #1
    sxtb16 odd, even, ror #8
    sxtb16 even, even
    smlad sum_a, even, \w, \a_in
    smlab\half sum_a, odd, \m, sum_a
.endm

.macro single_sum
    row_single row_0, w_0, m_01, b, start
    row_single row_1, w_1, m_01, t, sum_a
    row_single row_2, w_2, m_2, b, sum_a
.endm

depthwise_pairs asc_depthwise_3x3_dsp
