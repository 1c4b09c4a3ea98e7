/*
 * Instructions of the DSP extension for C: what the compiler does not find by itself.
 *
 * In inline assembly, since arm_acle.h warns in GCC 12.
 */
#ifndef ASC_INTRINSICS_DSP_H
#define ASC_INTRINSICS_DSP_H

#include <stdint.h>
#include <string.h>

/* Four bytes at any address: one LDR. */
static inline uint32_t asc_load(const int8_t *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline void asc_store(int8_t *at, uint32_t word) {
    memcpy(at, &word, sizeof word);
}

/* The halves of `sums` plus the bytes 0 and 2 of `word`, with their signs. */
static inline uint32_t asc_sxtab16(uint32_t sums, uint32_t word) {
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2" : "=r"(result) : "r"(sums), "r"(word));
    return result;
}

/* And plus the bytes 1 and 3. */
static inline uint32_t asc_sxtab16_odd(uint32_t sums, uint32_t word) {
    uint32_t result;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(sums), "r"(word));
    return result;
}

/* Both halves of `a` and `b` added and halved, rounded down. */
static inline uint32_t asc_halved_sums(uint32_t a, uint32_t b) {
    uint32_t result;
    __asm__("shadd16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
}

/* For each half of `value`, that of `if_negative` where it is negative, else that of `otherwise`. */
static inline uint32_t asc_by_sign(uint32_t value, uint32_t otherwise, uint32_t if_negative) {
    uint32_t result;
    __asm__("ssub16 %0, %1, %4\n\tsel %0, %2, %3"
            : "=&r"(result)
            : "r"(value), "r"(otherwise), "r"(if_negative), "r"(0)
            : "cc");
    return result;
}

/* The larger one of each of four signed bytes. */
static inline uint32_t asc_larger_bytes(uint32_t a, uint32_t b) {
    uint32_t result;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
    return result;
}

/* The high half of a product, plus c. */
static inline int32_t asc_smmla(int32_t a, int32_t b, int32_t c) {
    int32_t result;
    __asm__("smmla %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(c));
    return result;
}

/* value >> 12, saturated to int8. */
static inline int32_t asc_saturate_s8_12(int32_t value) {
    int32_t result;
    __asm__("ssat %0, #8, %1, asr #12" : "=r"(result) : "r"(value) : "cc");
    return result;
}

#endif
