/* clang-format off */ /* assembler, which it does not know */
/*
 * FULLY_CONNECTED with sums below 2^23 and outputs of all of int8: see asc_fully_connected_parts_dsp.h.
 *
 * Formula   of four weights w0 to w3, a word has the pairs h = (w0 + 256 w1, w2 + 256 w3). With inputs x0 to x3,
 *               o = (x1 - 127, x3 - 127),  e = (256 x0, 256 x2) - o
 *           both fit 16 bits, and
 *               h o + (w0, w2) e = 256 (w0 x0 + w1 x1 + w2 x2 + w3 x3) - 256 * 127 (w1 + w3)
 *           so that only every other weight has to be widened. Sums are raised by 8 bits, which is all of `left`; the
 *           last term is in their starts.
 * Method    1 LDRD, 1 LDM, 4 SXTB16 and 8 SMLAD for 16 products.
 * Range     no weight w1 or w3 of -128 beside a negative one, since h would not fit 16 bits: the generator looks
 */
#include "asc_fully_connected_parts_dsp.h"

/* one word of 4 weights of an output */
.macro product acc, word
    smlad \acc, \word, x_odd, \acc
    sxtb16 \word, \word
    smlad \acc, \word, x_even, \acc
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
    mov r8, #0xff00ff00
    mov r9, #0x007f007f
    ldr r5, [r1], #4
    sxtb16 r6, r5, ror #8
    ssub16 r6, r6, r9
    and r5, r8, r5, lsl #8
    ssub16 r5, r5, r6
    stm xp!, {r5, r6}
.endm

.macro asc_load_ends
.endm

.macro asc_raise acc
.endm

.macro asc_confine acc
    ssat \acc, #8, \acc
.endm

asc_fully_connected asc_fully_connected_dsp, 4
