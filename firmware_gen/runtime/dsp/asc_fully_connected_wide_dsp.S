/* clang-format off */ /* assembler, which it does not know */
/*
 * FULLY_CONNECTED with sums and a range of the output of any size: see asc_fully_connected_parts_dsp.h.
 *
 * Method    1 LDRD, 1 LDM, 8 SXTB16 and 8 SMLAD for 16 products.
 */
#include "asc_fully_connected_parts_dsp.h"

/* one word of 4 weights of an output; x_even and x_odd are the inputs under them */
.macro product acc, word
    sxtb16 r2, \word
    smlad \acc, r2, x_even, \acc
    sxtb16 \word, \word, ror #8
    smlad \acc, \word, x_odd, \acc
.endm

.macro asc_products
    ldrd x_even, x_odd, [xp], #8
    ldm wp!, {r8-r11}
    product r4, r8
    product r5, r9
    product r6, r10
    product r7, r11
.endm

.macro asc_widen_inputs
    ldr r6, [r1], #4
    ldr r8, [r1], #4
    asc_widen r5, r6, r6
    asc_widen r7, r8, r8
    stm xp!, {r5-r8}
.endm

.macro asc_load_ends
    ldr r1, [r0, #ASC_FULLY_CONNECTED_LEFT]
    ldrd r8, r9, [r0, #ASC_FULLY_CONNECTED_MIN] /* and MAX */
.endm

.macro asc_raise acc
    lsl \acc, \acc, r1
.endm

.macro asc_confine acc
    asc_clamp \acc, r8, r9
.endm

asc_fully_connected asc_fully_connected_wide_dsp, 2
