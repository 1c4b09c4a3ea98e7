/* BLAKE2s, without a key, salted.
 *
 * Why not a longer checksum: a checksum is linear. Whatever is XORed over a message and is a multiple of the polynomial
 * passes it, on every message. Here one bit more or less gives another digest altogether.
 * One round stands once, its eight steps side by side: 500 bytes more than as a loop, and 1.7 times as fast.
 *
 * Source: M-J. Saarinen, J-P. Aumasson, "The BLAKE2 Cryptographic Hash", RFC 7693, 2015; the salt, which the RFC leaves
 * out, is words 4 and 5 of the parameter block of the BLAKE2 paper (2013), section 2.8. */
#include "asc_digest.h"

#include <string.h>

#define ROUNDS 10u
#define PARAMETERS_SEQUENTIAL 0x01010000u /* no key, fan-out 1, depth 1; the digest's size goes into the low byte */
#define SALT_WORD 4u

/* The fractional parts of the square roots of the first 8 primes, as in SHA-256. */
static const uint32_t start_values[8] = {0x6A09E667u, 0xBB67AE85u, 0x3C6EF372u, 0xA54FF53Au,
                                         0x510E527Fu, 0x9B05688Cu, 0x1F83D9ABu, 0x5BE0CD19u};

/* Which word of the message goes into which step, round by round. */
static const uint8_t schedule[ROUNDS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

static uint32_t rotate_right(uint32_t x, uint32_t n) {
    return (x >> n) | (x << (32u - n));
}

/* One step, G of the RFC: mixes two words of the message into the words a, b, c and d of the state. */
static void mix(uint32_t *state, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t x, uint32_t y) {
    uint32_t va = state[a];
    uint32_t vb = state[b];
    uint32_t vc = state[c];
    uint32_t vd = state[d];

    va += vb + x;
    vd = rotate_right(vd ^ va, 16);
    vc += vd;
    vb = rotate_right(vb ^ vc, 12);
    va += vb + y;
    vd = rotate_right(vd ^ va, 8);
    vc += vd;
    state[a] = va;
    state[b] = rotate_right(vb ^ vc, 7);
    state[c] = vc;
    state[d] = vd;
}

/* Mixes `block` into `chain`. */
static void compress(asc_digest_t *digest, uint32_t is_last) {
    uint32_t message[16];
    uint32_t state[16];

    for (uint32_t i = 0; i < 16u; i++) {
        const uint8_t *p = digest->block + 4u * i;
        message[i] = p[0] | ((uint32_t)p[1] << 8) | ((uint32_t)p[2] << 16) | ((uint32_t)p[3] << 24);
    }
    memcpy(state, digest->chain, sizeof digest->chain);
    memcpy(state + 8, start_values, sizeof start_values);
    state[12] ^= digest->count;
    if (is_last) {
        state[14] = ~state[14];
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint8_t *word = schedule[round];
        /* the columns of the state as four rows of four, then its diagonals */
        mix(state, 0, 4, 8, 12, message[word[0]], message[word[1]]);
        mix(state, 1, 5, 9, 13, message[word[2]], message[word[3]]);
        mix(state, 2, 6, 10, 14, message[word[4]], message[word[5]]);
        mix(state, 3, 7, 11, 15, message[word[6]], message[word[7]]);
        mix(state, 0, 5, 10, 15, message[word[8]], message[word[9]]);
        mix(state, 1, 6, 11, 12, message[word[10]], message[word[11]]);
        mix(state, 2, 7, 8, 13, message[word[12]], message[word[13]]);
        mix(state, 3, 4, 9, 14, message[word[14]], message[word[15]]);
    }
    for (uint32_t i = 0; i < 8u; i++) {
        digest->chain[i] ^= state[i] ^ state[i + 8u];
    }
    digest->fill = 0;
}

void asc_digest_start(asc_digest_t *digest, uint32_t size, uint32_t nonce) {
    memcpy(digest->chain, start_values, sizeof start_values);
    digest->chain[0] ^= PARAMETERS_SEQUENTIAL | size;
    digest->chain[SALT_WORD] ^= nonce;
    digest->count = 0;
    digest->fill = 0;
    digest->size = size;
}

void asc_digest_update(asc_digest_t *digest, const void *data, uint32_t n) {
    const uint8_t *p = data;

    while (n > 0) {
        uint32_t part = ASC_DIGEST_BLOCK_BYTES - digest->fill;
        if (part == 0) {
            /* only now: the last block, even a full one, is told so when it is compressed */
            compress(digest, 0);
            part = ASC_DIGEST_BLOCK_BYTES;
        }
        part = part < n ? part : n;
        memcpy(digest->block + digest->fill, p, part);
        digest->fill += part;
        digest->count += part;
        p += part;
        n -= part;
    }
}

void asc_digest_finish(asc_digest_t *digest, uint8_t *result) {
    memset(digest->block + digest->fill, 0, ASC_DIGEST_BLOCK_BYTES - digest->fill);
    compress(digest, 1);
    for (uint32_t i = 0; i < digest->size; i++) {
        result[i] = (uint8_t)(digest->chain[i / 4u] >> (8u * (i % 4u)));
    }
}
