/*
 * One row of a 3x3 depthwise convolution with column stride 2.
 *
 * Formula   equations (9) to (15) of docs/quantization.md, the last three in the form of (15''), whose constants are
 *           proved when they are generated; ASC_FORM_POSITIVE has shift 10 here.
 * Shapes    rows: three of [channel][column], a channel's in_channel_step apart; output: [out_w][channels] in steps
 *           of out_pixel_step and out_channel_step.
 * Method    One unaligned LDR of each row for each output: of its bytes b0 b1 b2 b3 one SMLAD takes (b0, b2) and one
 *           SMLABB b1.
 * Reads     1 byte beyond the last column of a channel.
 * Overflow  sums wrap; the final one has 32 bits: (15'').
 * Overlap   the output may not share memory with the rows.
 * Exact     bit for bit TFLite's BUILTIN_REF.
 * Source    SXTB16, SMLAD, SMLABB: Armv7-M Architecture Reference Manual, A7.7.
 */
#include "asc_depthwise_dsp.h"
#include "asc_depthwise_pair_dsp.h"

.macro row_single acc, row, w, m, half, in
    ldr even, [\row], #2
    sxtb16 odd, even, ror #8
    sxtb16 even, even
    smlad \acc, even, \w, \in
    smlab\half \acc, odd, \m, \acc
.endm

.macro one_sum acc
    row_single \acc, row_0, w_0, m_01, b, start
    row_single \acc, row_1, w_1, m_01, t, \acc
    row_single \acc, row_2, w_2, m_2, b, \acc
.endm

.macro pair_sums
    one_sum sum_a
    one_sum sum_b
.endm

.macro single_sum
    one_sum sum_a
.endm

depthwise_pairs asc_depthwise_3x3_stride_2_dsp
