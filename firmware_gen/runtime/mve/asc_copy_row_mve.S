/*
 * One row into another layout. Helium.
 *
 *     void asc_copy_row_mve(const asc_copy_row_t *p, const int8_t *const *rows, int8_t *output);
 *
 * Shapes    element (column, channel) at column * pixel_step + channel * channel_step on both sides; 4 channels at a time,
 *           of fewer the last again and again
 * Overlap   none allowed
 */
#include "asc_mve_asm.h"

in           .req r1
out          .req r2
in_pixel     .req r3
in_channel   .req r4
out_pixel    .req r5
out_channel  .req r6
channels     .req r7 /* still to do */
columns      .req r8

function asc_copy_row_mve
    push {r4-r11, lr}
    ldr in, [in]
    ldrd columns, channels, [r0]
    ldrd in_pixel, in_channel, [r0, #8]
    ldrd out_pixel, out_channel, [r0, #16]
    cmp in_channel, #1
    it eq
    cmpeq out_channel, #1
    it eq
    cmpeq in_pixel, channels
    it eq
    cmpeq out_pixel, channels
    bne 3f
    /* the same layout: one piece */
    mul r0, columns, channels
    wlstp.8 lr, r0, 2f
1:  vldrb.u8 q0, [in], #16
    vstrb.8 q0, [out], #16
    letp lr, 1b
2:  pop {r4-r11, pc}

3:  mov r0, #0
    vidup.u32 q0, r0, #1
    vmul.i32 q2, q0, in_channel
    vmul.i32 q3, q0, out_channel
5:  cmp channels, #4
    bge 6f
    sub r9, channels, #1
    vdup.32 q1, r9
    vmin.u32 q1, q0, q1
    vmul.i32 q2, q1, in_channel
    vmul.i32 q3, q1, out_channel
6:
    mov r9, in
    mov r10, out
    dls lr, columns
4:  vldrb.u32 q1, [r9, q2]
    add r9, r9, in_pixel
    vstrb.32 q1, [r10, q3]
    add r10, r10, out_pixel
    le lr, 4b
    add in, in, in_channel, lsl #2
    add out, out, out_channel, lsl #2
    subs channels, channels, #4
    bgt 5b
    pop {r4-r11, pc}
    .size asc_copy_row_mve, . - asc_copy_row_mve
