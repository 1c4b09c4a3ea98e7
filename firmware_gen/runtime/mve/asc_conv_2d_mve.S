/*
 * CONV_2D, one row of the output: any kernel, stride and dilation, one group. Helium.
 *
 *     void asc_conv_2d_mve(const asc_matrix_mve_t *p, const int8_t *const *rows, int8_t *output, int8_t *scratch);
 *
 * Formula   y[x][c] = requantize_c(bias[c] + sum_uvi rows[u][x * column_step + v * piece_step + i] * w[c][u, v, i])
 * Shapes    rows in layout "pixels"; output in any layout; scratch [chunk][16 * vectors]: the inputs of some columns, piece
 *           by piece. What lies behind the last piece has weight 0
 * Overflow  see asc_matrix_mve.S
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_matrix_mve.h"

/* The stack. */
.equ ROW, 0     /* pointer to the next row's pointer */
.equ ROWS, 4    /* rows still to do */
.equ PIECES, 8  /* pieces of the row still to do */
.equ COLUMNS, 12 /* of this chunk */
.equ ALL_ROWS, 16
.equ OUTPUT, 20 /* of this chunk */
.equ SCRATCH, 24
.equ FRAME, 28

p           .req r4
column_step .req r5
input_step  .req r6
bytes       .req r7  /* of a piece */
left        .req r8  /* bytes of a row before this chunk */
remaining   .req r9  /* columns of this chunk and those behind it */
columns     .req r10
to          .req r11 /* place of the piece in the first column's inputs */
from        .req r2  /* the piece for the first column */

function asc_conv_2d_mve
    push {r4-r11, lr}
    sub sp, #FRAME
    mov p, r0
    str r1, [sp, #ALL_ROWS]
    strd r2, r3, [sp, #OUTPUT]
    ldr column_step, [p, #ASC_MATRIX_MVE_COLUMN_STEP]
    ldr input_step, [p, #ASC_MATRIX_MVE_INPUT_STEP]
    ldr bytes, [p, #ASC_MATRIX_MVE_PIECE_BYTES]
    ldr remaining, [p, #ASC_MATRIX_MVE_COLUMNS]
    movs left, #0
chunk:
    ldr columns, [p, #ASC_MATRIX_MVE_CHUNK]
    cmp columns, remaining
    it gt
    movgt columns, remaining
    str columns, [sp, #COLUMNS]
    ldr to, [sp, #SCRATCH]
    ldr r0, [sp, #ALL_ROWS]
    ldr r1, [p, #ASC_MATRIX_MVE_KERNEL_H]
    strd r0, r1, [sp, #ROW]
row:
    ldr r0, [sp, #ROW]
    ldr from, [r0], #4
    str r0, [sp, #ROW]
    add from, from, left
    ldr r0, [p, #ASC_MATRIX_MVE_PIECES]
    str r0, [sp, #PIECES]
piece:
    mov r0, from
    mov r1, to
    ldr columns, [sp, #COLUMNS]
    cmp bytes, #16
    bhi column
    /* one vector holds the piece */
    vctp.8 bytes
    dls lr, columns
1:  vldrb.u8 q0, [r0]
    vpst
    vstrbt.8 q0, [r1]
    add r0, r0, column_step
    add r1, r1, input_step
    le lr, 1b
    b next_piece
column:
    mov r3, r0
    mov r12, r1
    dlstp.8 lr, bytes
1:  vldrb.u8 q0, [r3], #16
    vstrb.8 q0, [r12], #16
    letp lr, 1b
    add r0, r0, column_step
    add r1, r1, input_step
    subs columns, #1
    bne column
next_piece:
    add to, to, bytes
    ldr r0, [p, #ASC_MATRIX_MVE_PIECE_STEP]
    add from, from, r0
    ldr r0, [sp, #PIECES]
    subs r0, #1
    str r0, [sp, #PIECES]
    bne piece
    ldr r0, [sp, #ROWS]
    subs r0, #1
    str r0, [sp, #ROWS]
    bne row

    mov r0, p
    ldrd r2, r1, [sp, #OUTPUT]
    ldr r3, [sp, #COLUMNS]
    bl asc_matrix_mve
    ldr r3, [sp, #COLUMNS]
    ldr r2, [sp, #OUTPUT]
    ldr r0, [p, #ASC_MATRIX_MVE_PIXEL_STEP]
    mla left, r3, column_step, left
    mla r2, r3, r0, r2
    str r2, [sp, #OUTPUT]
    subs remaining, remaining, r3
    bgt chunk
    add sp, #FRAME
    pop {r4-r11, pc}
    .size asc_conv_2d_mve, . - asc_conv_2d_mve
