/* Framing: consistent overhead byte stuffing and CRC-16/CCITT-FALSE.
 *
 * Source: S. Cheshire, M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Trans. Networking 7(2), 1999.
 * Every byte received is untrusted: it moves a bounded state machine and can do no more than spoil one frame. */
#include "asc_frame.h"

#include "asc_port.h"
#include "asc_protocol.h"

#define BUFFER_BYTES (ASC_MAX_PAYLOAD_BYTES + ASC_FRAME_OVERHEAD)
#define HEADER_BYTES 2u /* sequence, type */
#define CRC_START 0xFFFFu

/* Longest run of bytes that are not zero which one COBS code byte can announce. */
#define COBS_RUN_BYTES 254u

static uint8_t received[BUFFER_BYTES];
static asc_frame_counts_t counts;

/* CRC-16/CCITT-FALSE, polynomial x^16 + x^12 + x^5 + 1, one byte at a time: the four shifted copies of
 * x = byte ^ high byte (folded once by 4) are that polynomial's multiples. Check: "123456789" gives 0x29B1. */
static uint16_t crc16_update(uint16_t crc, uint8_t byte) {
    uint32_t x = ((uint32_t)crc >> 8) ^ byte;
    x ^= x >> 4;
    return (uint16_t)(((uint32_t)crc << 8) ^ (x << 12) ^ (x << 5) ^ x);
}

static uint16_t crc16(uint16_t crc, const uint8_t *data, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        crc = crc16_update(crc, data[i]);
    }
    return crc;
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
            const uint32_t body = (uint32_t)length - 2u;
            const uint16_t crc = crc16(CRC_START, received, body);
            if (received[body] == (uint8_t)crc && received[body + 1u] == (uint8_t)(crc >> 8)) {
                counts.received++;
                frame->sequence = received[0];
                frame->type = received[1];
                frame->length = (uint16_t)(body - HEADER_BYTES);
                frame->crc = crc;
                frame->payload = received + HEADER_BYTES;
                return 0;
            }
        }
        counts.dropped++;
    }
}

/* One COBS block on its way out: bytes that are not zero, up to the next zero or the longest run. */
typedef struct {
    uint8_t bytes[COBS_RUN_BYTES + 1u]; /* the code byte, then the run */
    uint32_t run;
} block_t;

static void block_end(block_t *block) {
    block->bytes[0] = (uint8_t)(block->run + 1u);
    asc_port_write(block->bytes, block->run + 1u);
    block->run = 0;
}

static void block_put(block_t *block, uint8_t byte) {
    if (block->run == COBS_RUN_BYTES) {
        block_end(block);
    }
    if (byte == 0) {
        block_end(block);
    } else {
        block->bytes[1u + block->run++] = byte;
    }
}

void asc_frame_send(uint8_t sequence, uint8_t type, const uint8_t *payload, uint16_t length) {
    static const uint8_t delimiter = (uint8_t)ASC_FRAME_DELIMITER;
    block_t block;
    uint16_t crc = crc16_update(crc16_update(CRC_START, sequence), type);
    crc = crc16(crc, payload, length);

    block.run = 0;
    asc_port_write(&delimiter, 1);
    block_put(&block, sequence);
    block_put(&block, type);
    for (uint32_t i = 0; i < length; i++) {
        block_put(&block, payload[i]);
    }
    block_put(&block, (uint8_t)crc);
    block_put(&block, (uint8_t)(crc >> 8));
    block_end(&block);
    asc_port_write(&delimiter, 1);
}

asc_frame_counts_t asc_frame_counts(void) {
    return counts;
}
