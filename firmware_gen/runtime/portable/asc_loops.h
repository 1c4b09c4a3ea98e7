/*
 * Four nested loops over a tensor, the innermost as a run of its own: where each run begins.
 *
 * Formula   run = (a * shape[1] + b) * shape[2] + c begins at a * stride[0] + b * stride[1] + c * stride[2]
 */
#ifndef ASC_LOOPS_H
#define ASC_LOOPS_H

#include <stdint.h>

static inline int32_t asc_runs(const int32_t shape[4]) {
    return shape[0] * shape[1] * shape[2];
}

static inline int32_t asc_run_start(const int32_t shape[4], const int32_t stride[4], int32_t run) {
    const int32_t plane = run / shape[2];
    const int32_t a = plane / shape[1];
    return a * stride[0] + (plane - a * shape[1]) * stride[1] + (run - plane * shape[2]) * stride[2];
}

#endif
