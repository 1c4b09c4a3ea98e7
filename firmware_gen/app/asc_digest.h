/* Digests of what went over the line: BLAKE2s, salted with the session's nonce. See docs/protocol.md. */
#ifndef ASC_DIGEST_H
#define ASC_DIGEST_H

#include <stdint.h>

#define ASC_DIGEST_BLOCK_BYTES 64u

typedef struct {
    uint32_t chain[8];
    uint32_t count; /* bytes taken in so far */
    uint32_t fill;  /* bytes in `block` */
    uint32_t size;  /* bytes of the result */
    uint8_t block[ASC_DIGEST_BLOCK_BYTES];
} asc_digest_t;

/* Begins a digest of `size` bytes, 1 to 32. */
void asc_digest_start(asc_digest_t *digest, uint32_t size, uint32_t nonce);

/* Takes in n bytes; fewer than 4 GiB in all. */
void asc_digest_update(asc_digest_t *digest, const void *data, uint32_t n);

/* Writes the result, `size` bytes. */
void asc_digest_finish(asc_digest_t *digest, uint8_t *result);

#endif
