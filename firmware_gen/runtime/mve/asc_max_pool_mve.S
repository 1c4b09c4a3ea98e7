/*
 * MAX_POOL_2D, one row of the output. Helium.
 *
 *     void asc_max_pool_mve(const asc_pool_mve_t *p, const int8_t *const *rows, int32_t row, int8_t *output);
 *
 * Formula   y = max over the elements of the window that exist
 * Shapes    as asc_average_pool_mve
 * Overlap   none allowed
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (22)
 */
#include "asc_pool_mve.h"

.macro prepare
.endm

.macro start
    vmov.i8 q1, #0x80
.endm

.macro tap
    vldrb.u8 q0, [at]
    vmax.s8 q1, q1, q0
.endm

.macro finish
    vctp.8 rest
    vpst
    vstrbt.8 q1, [out]
.endm

pool asc_max_pool_mve, prepare, start, tap, finish
