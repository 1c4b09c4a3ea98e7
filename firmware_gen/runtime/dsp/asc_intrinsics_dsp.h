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

/* Byte j of word i becomes byte i of word j. UADD8 sets the flags for bytes 0 and 2 of 0x00FF00FF, so that SEL takes
 * these from its first operand and the others from its second. */
static inline void asc_transpose_bytes(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    uint32_t first;
    uint32_t second;
    __asm__("uadd8 %4, %6, %6\n\t"
            "lsl %4, %1, #8\n\t"
            "lsr %5, %0, #8\n\t"
            "sel %0, %0, %4\n\t" /* a0 b0 a2 b2 */
            "sel %5, %5, %1\n\t" /* a1 b1 a3 b3 */
            "lsl %4, %3, #8\n\t"
            "lsr %1, %2, #8\n\t"
            "sel %4, %2, %4\n\t" /* c0 d0 c2 d2 */
            "sel %3, %1, %3\n\t" /* c1 d1 c3 d3 */
            "pkhtb %2, %4, %0, asr #16\n\t"
            "pkhbt %0, %0, %4, lsl #16\n\t"
            "pkhbt %1, %5, %3, lsl #16\n\t"
            "pkhtb %3, %3, %5, asr #16"
            : "+r"(*a), "+r"(*b), "+r"(*c), "+r"(*d), "=&r"(first), "=&r"(second)
            : "r"(0x00FF00FFu)
            : "cc");
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
