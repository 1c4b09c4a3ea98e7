/* Magnitudes in place of powers: see asc_fft_power_s32.h. */
#include "asc_fft_power_s32.h"

/* Root of a number, rounded down. */
static uint32_t root(uint32_t x) {
    uint32_t result = 0;
    for (uint32_t bit = 1u << 30; bit != 0; bit >>= 2) {
        if (x >= result + bit) {
            x -= result + bit;
            result = (result >> 1) + bit;
        } else {
            result >>= 1;
        }
    }
    return result;
}

void asc_fft_magnitude_s32(int32_t *x, int32_t n) {
    for (const int32_t *const end = x + 2 * n; x != end; x += 2) {
        uint64_t power = (uint64_t)(uint32_t)x[0] | (uint64_t)(uint32_t)x[1] << 32;
        if (power != 0) {
            int32_t shift = 32; /* the root of power * 2^32, from its upper 32 bits: 16 of the root's */
            for (; (power >> 48) == 0; shift -= 16) {
                power <<= 16;
            }
            for (; (power >> 62) == 0; shift -= 2) {
                power <<= 2;
            }
            power = (uint64_t)root((uint32_t)(power >> 32)) << ((shift + 32) / 2);
        }
        x[0] = (int32_t)(uint32_t)power;
        x[1] = (int32_t)(power >> 32);
    }
}
