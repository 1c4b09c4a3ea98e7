/* Frames of the wire protocol: 00 COBS(nonce, sequence, type, payload, CRC-32) 00. See docs/protocol.md. */
#ifndef ASC_FRAME_H
#define ASC_FRAME_H

#include <stdint.h>

typedef struct {
    uint32_t nonce;    /* of the session */
    uint32_t sequence; /* of the request */
    uint32_t crc;
    uint16_t length; /* bytes of payload, at most ASC_MAX_PAYLOAD_BYTES */
    uint8_t type;
    const uint8_t *payload; /* valid until the next asc_frame_receive */
} asc_frame_t;

typedef struct {
    uint32_t received; /* frames with a right checksum */
    uint32_t dropped;  /* frames with a wrong checksum, wrong stuffing, too short or too long */
} asc_frame_counts_t;

/* Ends whatever is on the line; called once, first. */
void asc_frame_start(void);

/* Waits for the next valid frame. Returns 0, or -1 when the line is closed. Answers hosts of protocol version 1 itself:
 * that they are of another version. */
int asc_frame_receive(asc_frame_t *frame);

/* Sends a frame: nonce, sequence, type, and payload of a length of at most ASC_MAX_PAYLOAD_BYTES. */
void asc_frame_send(const asc_frame_t *frame);

/* Frames seen since start-up. */
asc_frame_counts_t asc_frame_counts(void);

#endif
