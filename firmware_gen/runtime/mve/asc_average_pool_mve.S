/*
 * AVERAGE_POOL_2D, one row of the output. Helium.
 *
 *     void asc_average_pool_mve(const asc_pool_mve_t *p, const int8_t *const *rows, int32_t row, int8_t *output);
 *
 * Formula   y = round(sum / count) over the elements of the window that exist, half away from zero
 *           = floor((sum - [sum < 0 and count even] + count / 2) / count)
 *           = floor((sum - [..] + addend) * multiplier / 2^(15 + shift)) - 128, addend = count / 2 + 128 * count
 * Shapes    rows in layout "pixels"; rows outside of the input are not read; output [columns][channels]; `row` is the number
 *           of the output's row; up to 15 bytes behind an element are read
 * Overflow  0 <= sum + addend < 2^15; the generator checks that and the division for each count there is
 * Overlap   none allowed
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (20)
 */
#include "asc_pool_mve.h"

/* r0: addend; r1: multiplier; r2: minus the shift; r3: 1 if the number of elements is even. */
.macro prepare
    sub r2, end, r1
    asr r2, r2, #2
    mul r2, r2, columns
    ldr r12, [r0, #ASC_POOL_MVE_DIVISIONS]
    add r12, r12, r2, lsl #3
    ldrsh r0, [r12]
    ldrsh r1, [r12, #2]
    ldrsh r2, [r12, #4]
    ldrsh r3, [r12, #6]
.endm

.macro start
    vmov.i32 q0, #0
    vmov.i32 q3, #0
.endm

.macro tap
    vldrb.s16 q1, [at]
    vldrb.s16 q2, [at, #8]
    vadd.i16 q0, q0, q1
    vadd.i16 q3, q3, q2
.endm

.macro finish
    .irp sum, q0, q3
    vqdmlah.s16 \sum, \sum, r3 /* 1 less where negative */
    vadd.i16 \sum, \sum, r0
    vqdmulh.s16 \sum, \sum, r1
    vshl.s16 \sum, r2
    .endr
    mov r12, #128
    vsub.i16 q0, q0, r12
    vsub.i16 q3, q3, r12
    vctp.16 rest
    vpst
    vstrbt.16 q0, [out]
    subs r12, rest, #8
    ble 5f
    vctp.16 r12
    vpst
    vstrbt.16 q3, [out, #8]
5:
.endm

pool asc_average_pool_mve, prepare, start, tap, finish
