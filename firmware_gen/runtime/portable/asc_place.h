/* Where a run in pieces stands: zeros before the first. */
#ifndef ASC_PLACE_H
#define ASC_PLACE_H

#include <stdint.h>

typedef struct {
    uint16_t part; /* of the program */
    uint16_t loop, turn, move;
} asc_place_t;

#endif
