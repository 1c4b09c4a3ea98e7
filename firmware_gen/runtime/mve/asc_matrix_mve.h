/* What asc_matrix_mve.S and the assembly that calls it share. */
#ifndef ASC_MATRIX_MVE_H
#define ASC_MATRIX_MVE_H

#include "asc_mve_asm.h"
#include "asc_offsets_mve.h"

/* Forms of the loop. */
#define ASC_MATRIX_1 0    /* 1 vector, zero point -128 */
#define ASC_MATRIX_2 1    /* 2 vectors, zero point -128 */
#define ASC_MATRIX_8 2    /* 1 to 8 vectors, zero point -128 */
#define ASC_MATRIX_TIES 3 /* 1 to 8 vectors, right shifts of 1 at least */
#define ASC_MATRIX_LONG 4 /* any number of vectors, right shifts of 1 at least */

#endif
