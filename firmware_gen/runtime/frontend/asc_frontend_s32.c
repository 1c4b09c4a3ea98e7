/* The bands of one frame in integers: see asc_frontend_s32.h. */
#include "asc_frontend_s32.h"

/* log2 of the largest gain that keeps all samples within 2^31; -1 when all are 0. */
static int32_t gain_exponent(const int16_t *samples, int32_t n) {
    int32_t ones = 0, magnitudes = 0;
    for (const int16_t *const end = samples + n; samples != end; ++samples) {
        ones |= *samples;
        magnitudes |= *samples ^ (*samples >> 15);
    }
    if (ones == 0) {
        return -1;
    }
    int32_t exponent = 16;
    for (; exponent < 30 && magnitudes < 1 << 14; magnitudes <<= 1) {
        ++exponent;
    }
    return exponent;
}

void asc_frontend_spectrum_s32(const asc_frontend_s32_t *c, const int16_t *samples, int32_t gain, int32_t *x) {
    const int32_t n_fft = c->window.n_fft;
    c->first_pass(&c->window, samples, gain, x);
    const asc_fft_pass_s32_t *const end = c->passes + c->n_passes;
    for (const asc_fft_pass_s32_t *pass = c->passes; pass != end; ++pass) {
        pass->run(x, x + n_fft, pass->m, pass->twiddles);
    }
    asc_fft_power_s32(x, n_fft, c->turns);
    if (c->finish != 0) {
        c->finish(x, n_fft / 2 + 1);
    }
}

typedef struct {
    uint64_t rising, falling;
} share_t;

static inline share_t add_bin(share_t share, const int32_t *bin, uint32_t slope) {
    const uint32_t low = (uint32_t)bin[0], high = (uint32_t)bin[1];
    const uint64_t value = (uint64_t)high << 32 | low;
    const uint64_t rising = (uint64_t)high * slope + ((uint64_t)low * slope >> 32);
    const share_t sum = {share.rising + rising, share.falling + (value - rising)};
    return sum;
}

/* A number mantissa 2^exponent: its mantissa is from 2^31 on, or 0. */
typedef struct {
    uint32_t mantissa;
    int32_t exponent;
} number_t;

static inline number_t normal(uint64_t x) {
    number_t number = {(uint32_t)(x >> 32), 32};
    uint32_t rest = (uint32_t)x;
    if (number.mantissa == 0) {
        number.mantissa = rest;
        number.exponent = 0;
        rest = 0;
    }
    if (number.mantissa == 0) {
        return number;
    }
    int32_t shift = 0;
    for (int32_t step = 16; step != 0; step >>= 1) {
        if (number.mantissa << shift >> (32 - step) == 0) {
            shift += step;
        }
    }
    if (shift != 0) {
        number.mantissa = number.mantissa << shift | rest >> (32 - shift);
        number.exponent -= shift;
    }
    return number;
}

/* Bits of the float nearest to the sum of a number and a normal one. */
static inline uint32_t float_bits(number_t a, number_t b) {
    uint64_t sum = b.mantissa;
    int32_t exponent = b.exponent;
    if (a.mantissa != 0 && a.exponent > b.exponent) {
        exponent = a.exponent;
        sum = (uint64_t)a.mantissa + (exponent - b.exponent < 32 ? b.mantissa >> (exponent - b.exponent) : 0);
    } else if (a.mantissa != 0 && exponent - a.exponent < 32) {
        sum += a.mantissa >> (exponent - a.exponent);
    }
    if (sum >> 32 != 0) {
        sum >>= 1;
        ++exponent;
    }
    /* 2^31 2^exponent has the biased exponent 158 + exponent; the mantissa's leading bit adds 1 to it */
    return ((uint32_t)(exponent + 157) << 23) + (uint32_t)((sum + 128) >> 8);
}

static inline uint32_t band_bits(const asc_frontend_s32_t *c, uint64_t sum, uint32_t scale, int32_t exponent) {
    const number_t energy = normal(sum);
    number_t scaled = normal((uint64_t)energy.mantissa * scale);
    scaled.exponent += energy.exponent + exponent;
    const number_t offset = {c->offset, c->offset_exponent};
    return float_bits(scaled, offset);
}

static void bands(const asc_frontend_s32_t *t, const int32_t *spectrum, int32_t gain, asc_frontend_work_t *band,
                  int32_t n_mels) {
    const int32_t *bin = spectrum + 2 * t->first_bin;
    const uint32_t *slope = t->slopes;
    const uint16_t *count = t->counts;
    const int32_t exponent = t->scale_exponent - 32 - t->power * gain;
    share_t share = {0, 0};
    for (int32_t n = *count; n > 0; --n, bin += 2, ++slope) {
        share = add_bin(share, bin, *slope);
    }
    for (int32_t m = 0; m < n_mels; ++m) {
        const uint64_t rising = share.rising;
        share.rising = 0;
        share.falling = 0;
        for (int32_t n = *++count; n > 0; --n, bin += 2, ++slope) {
            share = add_bin(share, bin, *slope);
        }
        band[m].bits = band_bits(t, rising + share.falling, t->scales[m], exponent);
    }
}

void asc_frontend_s32(const asc_frontend_config_t *c, const int16_t *window, asc_frontend_work_t *work) {
    const asc_frontend_s32_t *const t = (const asc_frontend_s32_t *)c->tables;
    asc_frontend_work_t *const band = work + c->band_first;
    const int32_t gain = gain_exponent(window, t->window.win_length);
    if (gain < 0) {
        /* the offset exactly, not what rounding makes of nothing */
        for (int32_t m = 0; m < c->n_mels; ++m) {
            band[m].bits = band_bits(t, 0, 0, 0);
        }
        return;
    }
    asc_frontend_spectrum_s32(t, window, (int32_t)1 << gain, &work->s32);
    bands(t, &work->s32, gain, band, c->n_mels);
}
