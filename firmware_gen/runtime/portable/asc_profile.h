/* Where the time goes: a clock of the caller's, and the sum for each operator. */
#ifndef ASC_PROFILE_H
#define ASC_PROFILE_H

#include <stdint.h>

typedef uint64_t (*asc_clock_fn)(void);

typedef struct {
    asc_clock_fn clock;
    uint64_t *times; /* [operators] */
} asc_profile_t;

#endif
