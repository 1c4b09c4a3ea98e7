/*
 * Natural logarithm of a positive, finite, normal number.
 *
 * Formula   x = m * 2^e with m from sqrt(1/2) to sqrt(2); s = (m - 1) / (m + 1);
 *           log x = e ln 2 + 2 s (1 + s^2/3 + s^4/5 + s^6/7 + s^8/9)
 * Error     at most 2.5e-7 * max(1, |log x|); the series itself stops short by less than 4e-9.
 *           Measured by tests/codegen/test_frontend_c.py.
 * Source    series of the inverse hyperbolic tangent (NIST Digital Library of Mathematical Functions, 4.6.4)
 *
 * Not the C library's, so that every board gets the same bits.
 */
#ifndef ASC_LOG_F32_H
#define ASC_LOG_F32_H

#include <stdint.h>
#include <string.h>

static inline float asc_log_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t sqrt_half = 0x3f3504f3u;
    const int32_t exponent = (int32_t)(bits - sqrt_half) >> 23;
    bits -= (uint32_t)exponent << 23;
    float m;
    memcpy(&m, &bits, sizeof m);
    const float s = (m - 1.0f) / (m + 1.0f);
    const float z = s * s;
    const float series = z * (0.333333333f + z * (0.2f + z * (0.142857143f + z * 0.111111111f)));
    return (float)exponent * 0.693147181f + 2.0f * (s + s * series);
}

#endif
