/* Framing: consistent overhead byte stuffing and CRC-32.
 *
 * Source: S. Cheshire, M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Trans. Networking 7(2), 1999.
 * Every byte received is untrusted: it moves a bounded state machine and can do no more than spoil one frame. */
#include "asc_frame.h"

#include "asc_port.h"
#include "asc_protocol.h"

#define BUFFER_BYTES (ASC_MAX_PAYLOAD_BYTES + ASC_FRAME_OVERHEAD)
#define HEADER_BYTES 9u /* nonce, sequence, type */
#define CRC_BYTES 4u
#define CRC_START 0xFFFFFFFFu

/* HELLO of protocol version 1: sequence, type, the host's version, CRC-16. */
#define OLD_HELLO_BYTES 5u
#define OLD_CRC_START 0xFFFFu

/* Longest run of bytes that are not zero which one COBS code byte can announce. */
#define COBS_RUN_BYTES 254u

static uint8_t received[BUFFER_BYTES];
static asc_frame_counts_t counts;

/* CRC-32 (ISO 3309), polynomial 0x04C11DB7 reflected, four bits at a time: entry i is the remainder of i. The final
 * complement is the caller's. Check: "123456789" gives 0xCBF43926. */
static uint32_t crc32_update(uint32_t crc, uint8_t byte) {
    static const uint32_t remainders[16] = {
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
        0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
    crc ^= byte;
    crc = (crc >> 4) ^ remainders[crc & 0xFu];
    return (crc >> 4) ^ remainders[crc & 0xFu];
}

static uint32_t crc32(const uint8_t *data, uint32_t n) {
    uint32_t crc = CRC_START;
    for (uint32_t i = 0; i < n; i++) {
        crc = crc32_update(crc, data[i]);
    }
    return ~crc;
}

/* CRC-16/CCITT-FALSE of protocol version 1, polynomial x^16 + x^12 + x^5 + 1, one byte at a time: the four shifted
 * copies of x = byte ^ high byte (folded once by 4) are that polynomial's multiples. "123456789" gives 0x29B1. */
static uint16_t old_crc(const uint8_t *data, uint32_t n) {
    uint32_t crc = OLD_CRC_START;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t x = ((crc >> 8) ^ data[i]) & 0xFFu;
        x ^= x >> 4;
        crc = ((crc << 8) ^ (x << 12) ^ (x << 5) ^ x) & 0xFFFFu;
    }
    return (uint16_t)crc;
}

static uint32_t get_u32(const uint8_t *p) {
    return p[0] | ((uint32_t)p[1] << 8) | ((uint32_t)p[2] << 16) | ((uint32_t)p[3] << 24);
}

/* Receives bytes up to a delimiter and undoes the stuffing. Returns the number of bytes in `received`, 0 for
 * nothing between two delimiters, -1 when the line is closed, -2 for bytes that are no frame. */
static int32_t receive_stuffed(void) {
    uint32_t length = 0;
    uint32_t run = 0;       /* bytes still to come before the next code byte */
    uint32_t last_code = 0; /* 0: no code byte yet */
    uint32_t is_broken = 0; /* longer than any frame: wait for its end */

    for (;;) {
        const int byte = asc_port_read_byte();
        if (byte < 0) {
            return -1;
        }
        if (byte == (int)ASC_FRAME_DELIMITER) {
            if (last_code == 0) {
                return 0;
            }
            return (run != 0 || is_broken || length == 0) ? -2 : (int32_t)length;
        }
        uint32_t is_data = 1;
        uint8_t value = (uint8_t)byte;
        if (run == 0) {
            /* a code byte; the zero that ended the block before it is data, unless that block was full */
            is_data = last_code != 0 && last_code != COBS_RUN_BYTES + 1u;
            last_code = (uint32_t)byte;
            run = last_code - 1u;
            value = 0;
        } else {
            run--;
        }
        if (is_data) {
            if (length < BUFFER_BYTES) {
                received[length++] = value;
            } else {
                is_broken = 1;
            }
        }
    }
}

void asc_frame_start(void) {
    static const uint8_t delimiter = (uint8_t)ASC_FRAME_DELIMITER;
    asc_port_write(&delimiter, 1);
}

/* One COBS block on its way out: bytes that are not zero, up to the next zero or the longest run. */
typedef struct {
    uint8_t bytes[COBS_RUN_BYTES + 1u]; /* the code byte, then the run */
    uint32_t run;
    uint32_t crc;
} block_t;

static void block_end(block_t *block) {
    block->bytes[0] = (uint8_t)(block->run + 1u);
    asc_port_write(block->bytes, block->run + 1u);
    block->run = 0;
}

static void block_put(block_t *block, uint8_t byte) {
    block->crc = crc32_update(block->crc, byte);
    if (block->run == COBS_RUN_BYTES) {
        block_end(block);
    }
    if (byte == 0) {
        block_end(block);
    } else {
        block->bytes[1u + block->run++] = byte;
    }
}

static void block_put_u32(block_t *block, uint32_t value) {
    for (uint32_t i = 0; i < 4u; i++) {
        block_put(block, (uint8_t)(value >> (8u * i)));
    }
}

static void block_put_bytes(block_t *block, const uint8_t *data, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        block_put(block, data[i]);
    }
}

void asc_frame_send(const asc_frame_t *frame) {
    block_t block;

    block.run = 0;
    block.crc = CRC_START;
    asc_frame_start();
    block_put_u32(&block, frame->nonce);
    block_put_u32(&block, frame->sequence);
    block_put(&block, frame->type);
    block_put_bytes(&block, frame->payload, frame->length);
    block_put_u32(&block, ~block.crc);
    block_end(&block);
    asc_frame_start();
}

/* A host of protocol version 1 understands one answer: that versions differ, in frames of its own. */
static void answer_old_hello(void) {
    uint8_t answer[] = {
        received[0], ASC_OP_HELLO | ASC_RESPONSE_BIT, ASC_STATUS_BAD_VERSION, ASC_PROTOCOL_VERSION, 0, 0};
    const uint16_t crc = old_crc(answer, sizeof answer - 2u);
    block_t block;

    answer[sizeof answer - 2u] = (uint8_t)crc;
    answer[sizeof answer - 1u] = (uint8_t)(crc >> 8);
    block.run = 0;
    block.crc = CRC_START;
    asc_frame_start();
    block_put_bytes(&block, answer, sizeof answer);
    block_end(&block);
    asc_frame_start();
}

static int is_old_hello(uint32_t length) {
    return length == OLD_HELLO_BYTES && received[1] == ASC_OP_HELLO &&
           old_crc(received, OLD_HELLO_BYTES - 2u) == (received[3] | ((uint32_t)received[4] << 8));
}

int asc_frame_receive(asc_frame_t *frame) {
    for (;;) {
        const int32_t length = receive_stuffed();
        if (length == -1) {
            return -1;
        }
        if (length == 0) {
            continue;
        }
        if (length >= (int32_t)ASC_FRAME_OVERHEAD) {
            const uint32_t body = (uint32_t)length - CRC_BYTES;
            frame->crc = get_u32(received + body);
            if (crc32(received, body) == frame->crc) {
                counts.received++;
                frame->nonce = get_u32(received);
                frame->sequence = get_u32(received + 4);
                frame->type = received[8];
                frame->length = (uint16_t)(body - HEADER_BYTES);
                frame->payload = received + HEADER_BYTES;
                return 0;
            }
        }
        counts.dropped++;
        if (length > 0 && is_old_hello((uint32_t)length)) {
            answer_old_hello();
        }
    }
}

asc_frame_counts_t asc_frame_counts(void) {
    return counts;
}
