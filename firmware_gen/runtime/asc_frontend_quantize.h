/*
 * From features to the network's int8 input.
 *
 * Formula   quantize(v) = clamp(rint(v * inverse_scale) + zero_point), ties to even
 * Range     v any finite number
 */
#ifndef ASC_FRONTEND_QUANTIZE_H
#define ASC_FRONTEND_QUANTIZE_H

#include "asc_frontend.h"

static inline int8_t asc_frontend_quantize(const asc_frontend_config_t *c, float value) {
    /* adding 1.5 * 2^23 leaves no bits for a fraction: the sum is rounded to an integer, ties to even */
    const float magic = 12582912.0f;
    float steps = value * c->inverse_scale;
    steps = steps < -512.0f ? -512.0f : steps > 512.0f ? 512.0f : steps;
    const int32_t q = (int32_t)((steps + magic) - magic) + c->zero_point;
    return (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
}

#endif
