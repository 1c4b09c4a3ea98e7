/* Last step of the Fourier transform in integers: see asc_fft_power_s32.h. */
#include "asc_fft_power_s32.h"

#include "asc_fft_butterflies_s32.h"

static inline void store_power(int32_t *x, int32_t re, int32_t im) {
    const uint64_t power = (uint64_t)((int64_t)re * re + (int64_t)im * im);
    x[0] = (int32_t)(uint32_t)power;
    x[1] = (int32_t)(power >> 32);
}

void asc_fft_power_s32(int32_t *x, int32_t n_fft, const int32_t *turns) {
    int32_t *a = x + 2;
    int32_t *b = x + n_fft - 2;
    /* where k is N - k, both give the same and write it twice */
    for (; a <= b; a += 2, b -= 2, turns += 2) {
        const asc_complex_s32_t half_a = asc_load_shifted_s32(a, 1);
        const asc_complex_s32_t half_b = asc_load_shifted_s32(b, 1);
        const asc_complex_s32_t e = {half_a.re + half_b.re, half_a.im - half_b.im};
        const asc_complex_s32_t o = {half_a.im + half_b.im, half_b.re - half_a.re};
        const asc_complex_s32_t u = {(int32_t)(((int64_t)o.re * turns[0] + (int64_t)-o.im * turns[1]) >> 31),
                                     (int32_t)(((int64_t)o.re * turns[1] + (int64_t)o.im * turns[0]) >> 31)};
        store_power(a, e.re + u.re, e.im + u.im);
        store_power(b, e.re - u.re, e.im - u.im);
    }
    const asc_complex_s32_t z = {x[0], x[1]};
    store_power(x, z.re + z.im, 0);
    store_power(x + n_fft, z.re - z.im, 0);
}
