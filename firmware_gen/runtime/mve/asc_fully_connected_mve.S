/* clang-format off */ /* assembler, which it does not know */
/*
 * FULLY_CONNECTED, four outputs at once. Helium.
 *
 *     void asc_fully_connected_mve(const asc_fully_connected_core_t *p, const int8_t *input, int8_t *output);
 *
 * Formula   y[r][c] = clamp(((acc << left) * multiplier[c] / 2^32 + rounding[c]) >> shift[c]), divisions round down:
 *           equation (16) of docs/quantization.md with one shift by 32 or more, and the zero point in the rounding
 * Shapes    input [rows][inputs], output [rows][outputs]
 * Method    5 loads and 4 VMLADAV for 64 products. Outputs beyond the last have weights of 0 and are not stored.
 * Reads     up to 15 bytes beyond a row of the input; their weights are 0
 * Overflow  the generator proves |acc << left| < 2^31, and that the rounding can be added
 * Overlap   none
 * Exact     bit for bit TFLite's BUILTIN_REF
 * Source    VMLADAV, SMMUL: Armv8-M Architecture Reference Manual
 */
#include "asc_mve_asm.h"
#include "asc_offsets_core.h"

p .req r0
input .req r1
output .req r2
left .req r3
remaining .req r5
wp .req r12

.macro requantize acc
    ldrd r7, r9, [wp], #8 /* multiplier, rounding */
    ldr r11, [wp], #4     /* shift */
    lsl \acc, \acc, left
    smmul \acc, \acc, r7
    add \acc, \acc, r9
    asr \acc, \acc, r11
    ldrd r7, r9, [p, #ASC_FULLY_CONNECTED_MIN] /* and MAX */
    cmp \acc, r7
    it lt
    movlt \acc, r7
    cmp \acc, r9
    it gt
    movgt \acc, r9
    strb \acc, [output], #1
    subs remaining, remaining, #1
    beq 4f
.endm

function asc_fully_connected_mve
    push {r4-r11, lr}
    sub sp, #4
    ldr r4, [p, #ASC_FULLY_CONNECTED_ROWS]
    str r4, [sp]
1:  ldr wp, [p, #ASC_FULLY_CONNECTED_STREAM]
    ldr remaining, [p, #ASC_FULLY_CONNECTED_OUTPUTS]
2:  ldrd r4, r6, [wp], #8
    ldrd r8, r10, [wp], #8
    mov r3, input
    ldr r7, [p, #ASC_FULLY_CONNECTED_BLOCKS]
    dls lr, r7
3:  vldrb.u8 q0, [r3], #16
    vldrb.u8 q1, [wp], #16
    vmladava.s8 r4, q0, q1
    vldrb.u8 q2, [wp], #16
    vmladava.s8 r6, q0, q2
    vldrb.u8 q3, [wp], #16
    vmladava.s8 r8, q0, q3
    vldrb.u8 q1, [wp], #16
    vmladava.s8 r10, q0, q1
    le lr, 3b
    ldr left, [p, #ASC_FULLY_CONNECTED_LEFT]
    requantize r4
    requantize r6
    requantize r8
    requantize r10
    b 2b
4:  ldr r4, [sp]
    ldr r7, [p, #ASC_FULLY_CONNECTED_INPUTS]
    add input, input, r7
    subs r4, r4, #1
    str r4, [sp]
    bne 1b
    add sp, #4
    pop {r4-r11, pc}
    .size asc_fully_connected_mve, . - asc_fully_connected_mve
