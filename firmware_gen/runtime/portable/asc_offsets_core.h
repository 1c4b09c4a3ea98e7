/*
 * Offsets of the parameters that kernels of all cores with vector instructions share, for assembly.
 */
#ifndef ASC_OFFSETS_CORE_H
#define ASC_OFFSETS_CORE_H

/* asc_fully_connected_core_t */
#define ASC_FULLY_CONNECTED_STREAM 0
#define ASC_FULLY_CONNECTED_ROWS 4
#define ASC_FULLY_CONNECTED_INPUTS 8
#define ASC_FULLY_CONNECTED_OUTPUTS 12
#define ASC_FULLY_CONNECTED_BLOCKS 16
#define ASC_FULLY_CONNECTED_LEFT 20
#define ASC_FULLY_CONNECTED_MIN 24
#define ASC_FULLY_CONNECTED_MAX 28

#endif
