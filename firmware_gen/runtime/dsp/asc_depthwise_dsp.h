/*
 * What the assembly kernels of 3x3 depthwise convolutions share: variables, beginning and end, requantization.
 *
 * A kernel keeps the three rows of the window in row_0 to row_2, pointing at the channel's next column, and the place
 * of the next output in dst. They name their own registers for the rest.
 */
#ifndef ASC_DEPTHWISE_DSP_H
#define ASC_DEPTHWISE_DSP_H

#include "asc_kernels_dsp.h"
#include "asc_assembly_dsp.h"

/* Variables on the stack, byte offsets from sp; from MULTIPLIER to MAX in the order they are loaded together. */
.equ WEIGHTS, 0 /* six words, where a kernel keeps them here */
.equ START, 24  /* what the sums start from */
.equ MULTIPLIER, 28
.equ ROUNDING, 32
.equ NEGATIVE, 36
.equ SHIFT, 40
.equ MIN, 44
.equ MAX, 48
.equ STEP, 52      /* out_pixel_step */
.equ END, 56       /* where the loop's outputs end */
.equ STREAM, 60    /* the next channel in flash */
.equ CHANNELS, 64  /* channels still to do */
.equ OUTPUT, 68    /* first output of the channel */
.equ OUT_STEP, 72  /* out_channel_step */
.equ SPAN, 76      /* bytes of the outputs that the loop computes */
.equ ADVANCE, 80   /* bytes from where the rows are read up to the next channel */
.equ REST, 84      /* outputs that the loop leaves */
.equ SAVED, 88 /* six registers saved while requantizing */
.equ LEFT, 112 /* outputs still left of a row */
.equ FRAME, 116

/* What each channel wants. */
kept stream, 4, STREAM
kept channels, 5, CHANNELS
kept output, 6, OUTPUT
kept out_step, 7, OUT_STEP
kept span, 8, SPAN
kept advance, 9, ADVANCE
kept rest, 10, REST

row_0 .req r0
row_1 .req r1
row_2 .req r2
dst .req lr

/* Fills the variables; `log2` of the outputs that one turn of the loop computes. */
.macro depthwise_begin name, log2
asc_function \name
    push {r4-r11, lr}
    sub sp, sp, #FRAME
    ldr r4, [r0, #ASC_DEPTHWISE_STREAM]
    ldr r5, [r0, #ASC_DEPTHWISE_CHANNELS]
    ldr r7, [r0, #ASC_DEPTHWISE_OUT_CHANNEL_STEP]
    keep stream, r4
    keep_2 channels, output, r5, r2
    ldr r3, [r0, #ASC_DEPTHWISE_OUT_PIXEL_STEP]
    ldr r4, [r0, #ASC_DEPTHWISE_OUT_W]
    lsrs r6, r4, #\log2
    sub r5, r4, r6, lsl #\log2
    mul r6, r6, r3
    lsls r6, r6, #\log2
    keep_2 out_step, span, r7, r6
    str r3, [sp, #STEP]
    ldr r6, [r0, #ASC_DEPTHWISE_ADVANCE]
    keep_2 advance, rest, r6, r5
    ldr r4, [r0, #ASC_DEPTHWISE_SHIFT]
    ldr r5, [r0, #ASC_DEPTHWISE_MIN]
    ldr r6, [r0, #ASC_DEPTHWISE_MAX]
    strd r4, r5, [sp, #SHIFT]
    str r6, [sp, #MAX]
    ldr r12, [r0, #ASC_DEPTHWISE_FORM]
    ldm r1, {row_0-row_2}
    cmp r12, #ASC_FORM_POSITIVE
    bne .Lgeneral_channel
.endm

.macro depthwise_end name
    add sp, sp, #FRAME
    pop {r4-r11, pc}
asc_end \name
.endm

/* Goes on to the next channel's rows, and leaves for `again` if there is one. Any of r3 to r9 may be lost. */
.macro depthwise_next again
    fetch r3, advance
    fetch_2 r4, r5, channels, output
    fetch r6, out_step
    add row_0, row_0, r3
    add row_1, row_1, r3
    add row_2, row_2, r3
    adds r5, r5, r6
    subs r4, r4, #1
    keep_2 channels, output, r4, r5
    bne \again
.endm

/* ASC_FORM_POSITIVE of depthwise convolutions: shift 10. */
.macro depthwise_positive acc, multiplier, rounding
    smmla \acc, \acc, \multiplier, \rounding
    ssat \acc, #8, \acc, asr #10
.endm

/* ASC_FORM_GENERAL of up to four sums in r6 to r9; `free` is lost. */
.macro depthwise_general free, accs:vararg
    add \free, sp, #SAVED
    stm \free, {r0-r5}
    add \free, sp, #MULTIPLIER
    ldm \free, {r0-r5}
    .irp acc, \accs
    asr \free, \acc, #31
    smmla \acc, \acc, r0, r1
    mla \acc, \free, r2, \acc
    asr \acc, \acc, r3
    asc_clamp \acc, r4, r5
    .endr
    add \free, sp, #SAVED
    ldm \free, {r0-r5}
.endm

#endif
