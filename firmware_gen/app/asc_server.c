/* The protocol server. docs/protocol.md says what each request means; the order of the functions is that of its
 * tables. Every value of a request is checked before it is used as an offset, a count or an index. */
#include "asc_server.h"

#include <string.h>

#include "asc_build.h"
#include "asc_frame.h"
#include "asc_model.h"
#include "asc_port.h"
#include "asc_protocol.h"

#define SAMPLE_BYTES 2u
#ifdef ASC_CLIP_SAMPLES /* as in asc_model.h: else the model has no front end, and audio is refused */
#define HELLO_FLAGS (ASC_HELLO_AUDIO | ASC_HELLO_PROFILE)
#define HELLO_SAMPLE_RATE_HZ ASC_SAMPLE_RATE_HZ
#define HELLO_CLIP_SAMPLES ASC_CLIP_SAMPLES
#else
#define HELLO_FLAGS ASC_HELLO_PROFILE
#define HELLO_SAMPLE_RATE_HZ 0u
#define HELLO_CLIP_SAMPLES 0u
#endif
#define MAX_CHUNK_SAMPLES ((ASC_MAX_PAYLOAD_BYTES - ASC_OFFSET_BYTES) / SAMPLE_BYTES)

/* What the host may ask next. */
typedef enum {
    PHASE_EMPTY, /* no input */
    PHASE_INPUT, /* part of the features */
    PHASE_AUDIO, /* part of the audio */
    PHASE_READY, /* the input is complete */
    PHASE_DONE   /* the network has run: there is an output, the input is gone */
} phase_t;

static asc_state_t state;
static phase_t phase;
static uint32_t position; /* bytes of input, or samples of audio, received */
static uint64_t frontend_time;
static uint64_t profile[ASC_N_OPERATORS];
static uint8_t has_profile;

/* The last answer, sent again when its request comes again: the status first. */
static uint8_t answer[ASC_MAX_PAYLOAD_BYTES];

static uint16_t get_u16(const uint8_t *p) {
    return (uint16_t)(p[0] | ((uint32_t)p[1] << 8));
}

static uint32_t get_u32(const uint8_t *p) {
    return (uint32_t)get_u16(p) | ((uint32_t)get_u16(p + 2) << 16);
}

static uint8_t *put_u16(uint8_t *p, uint32_t value) {
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    return p + 2;
}

static uint8_t *put_u32(uint8_t *p, uint32_t value) {
    return put_u16(put_u16(p, value & 0xFFFFu), value >> 16);
}

static uint8_t *put_u64(uint8_t *p, uint64_t value) {
    return put_u32(put_u32(p, (uint32_t)value), (uint32_t)(value >> 32));
}

static uint8_t *put_bytes(uint8_t *p, const void *data, size_t n) {
    memcpy(p, data, n);
    return p + n;
}

/* The end of an answer that is a status and nothing else. */
static uint8_t *refuse(uint8_t status) {
    answer[0] = status;
    return answer + 1;
}

static uint8_t *accept(void) {
    return refuse(ASC_STATUS_OK);
}

static uint8_t *hello(const asc_frame_t *request) {
    static const uint8_t spec_id[] = ASC_SPEC_ID_BYTES;
    static const uint8_t firmware_id[] = ASC_FIRMWARE_ID_BYTES;
    static const uint8_t model_sha256[] = ASC_MODEL_SHA256_BYTES;
    static const char board[] = ASC_BOARD_NAME;
    uint8_t *p;

    if (request->length != ASC_HELLO_REQUEST_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if (request->payload[0] != ASC_PROTOCOL_VERSION) {
        p = refuse(ASC_STATUS_BAD_VERSION);
        *p++ = ASC_PROTOCOL_VERSION;
        return p;
    }
    phase = PHASE_EMPTY;
    position = 0;
    has_profile = 0;

    p = accept();
    *p++ = ASC_PROTOCOL_VERSION;
    *p++ = HELLO_FLAGS;
    *p++ = ASC_TIMER_UNIT;
    *p++ = 0;
    p = put_u32(p, ASC_TIMER_HZ);
    p = put_u16(p, ASC_MAX_PAYLOAD_BYTES);
    p = put_u16(p, ASC_N_OPERATORS);
    p = put_u32(p, ASC_INPUT_BYTES);
    p = put_u32(p, ASC_OUTPUT_BYTES);
    p = put_u32(p, HELLO_SAMPLE_RATE_HZ);
    p = put_u32(p, HELLO_CLIP_SAMPLES);
    p = put_u32(p, ASC_ARENA_BYTES);
    p = put_bytes(p, spec_id, sizeof spec_id);
    p = put_bytes(p, firmware_id, sizeof firmware_id);
    p = put_bytes(p, model_sha256, sizeof model_sha256);
    *p++ = (uint8_t)(sizeof board - 1u);
    return put_bytes(p, board, sizeof board - 1u);
}

/* Features arrive in order: offset 0 begins, every other offset is where the last write ended. */
static uint8_t *write_input(const asc_frame_t *request) {
    uint32_t offset;
    uint32_t count;

    if (request->length < ASC_OFFSET_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    offset = get_u32(request->payload);
    count = request->length - ASC_OFFSET_BYTES;
    if (offset > ASC_INPUT_BYTES || count > ASC_INPUT_BYTES - offset) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    if (offset == 0) {
        asc_init(&state);
        position = 0;
        frontend_time = 0;
        has_profile = 0;
    } else if (phase != PHASE_INPUT || offset != position) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    memcpy(asc_input(&state) + offset, request->payload + ASC_OFFSET_BYTES, count);
    position = offset + count;
    phase = position == ASC_INPUT_BYTES ? PHASE_READY : PHASE_INPUT;
    return put_u32(accept(), position);
}

static uint8_t *read_bytes(const asc_frame_t *request, const int8_t *data, uint32_t size) {
    uint32_t offset;
    uint32_t count;

    if (request->length != ASC_READ_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    offset = get_u32(request->payload);
    count = get_u16(request->payload + 4);
    if (offset > size || count > size - offset || count > sizeof answer - 1u) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    return put_bytes(accept(), data + offset, count);
}

static uint8_t *read_input(const asc_frame_t *request) {
    if (phase != PHASE_READY) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    return read_bytes(request, asc_input(&state), ASC_INPUT_BYTES);
}

#ifdef ASC_CLIP_SAMPLES
static uint8_t *audio_begin(const asc_frame_t *request) {
    if (request->length != ASC_AUDIO_BEGIN_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if (get_u32(request->payload) != ASC_CLIP_SAMPLES) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    asc_init(&state);
    phase = PHASE_AUDIO;
    position = 0;
    frontend_time = 0;
    has_profile = 0;
    return put_u32(accept(), position);
}

static uint8_t *audio_chunk(const asc_frame_t *request) {
    static int16_t samples[MAX_CHUNK_SAMPLES];
    const uint8_t *data = request->payload + ASC_OFFSET_BYTES;
    uint32_t count;

    if (request->length < ASC_OFFSET_BYTES || (request->length - ASC_OFFSET_BYTES) % SAMPLE_BYTES != 0) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if (phase != PHASE_AUDIO || get_u32(request->payload) != position) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    count = (request->length - ASC_OFFSET_BYTES) / SAMPLE_BYTES;
    if (count > ASC_CLIP_SAMPLES - position) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    for (uint32_t i = 0; i < count; i++) {
        samples[i] = (int16_t)get_u16(data + SAMPLE_BYTES * i);
    }
    asc_port_timer_start();
    position += asc_push_samples(&state, samples, count);
    frontend_time += asc_port_timer_elapsed();
    if (position == ASC_CLIP_SAMPLES) {
        phase = PHASE_READY;
    }
    return put_u32(accept(), position);
}
#endif

static uint8_t *run(const asc_frame_t *request) {
    uint64_t network_time;

    if (request->length != ASC_RUN_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if ((request->payload[0] & ~ASC_RUN_PROFILE) != 0) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    if (phase != PHASE_READY) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    has_profile = (request->payload[0] & ASC_RUN_PROFILE) != 0;
    asc_port_timer_start();
    if (has_profile) {
        asc_run_profiled(&state, asc_port_timer_elapsed, profile);
    } else {
        asc_run(&state);
    }
    network_time = asc_port_timer_elapsed();
    phase = PHASE_DONE;
    return put_u64(put_u64(accept(), network_time), frontend_time);
}

static uint8_t *read_output(const asc_frame_t *request) {
    if (phase != PHASE_DONE) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    return read_bytes(request, asc_output(&state), ASC_OUTPUT_BYTES);
}

static uint8_t *read_profile(const asc_frame_t *request) {
    const uint8_t *end = answer + sizeof answer - ASC_PROFILE_ENTRY_BYTES;
    uint8_t *p;

    if (request->length != ASC_PROFILE_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if (phase != PHASE_DONE || !has_profile) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    if (get_u16(request->payload) >= ASC_N_OPERATORS) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    p = accept();
    for (uint32_t i = get_u16(request->payload); i < ASC_N_OPERATORS && p <= end; i++) {
        p = put_u64(p, profile[i]);
    }
    return p;
}

static uint8_t *read_stats(const asc_frame_t *request) {
    asc_frame_counts_t counts;
    uint8_t *p;

    if (request->length != 0) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    counts = asc_frame_counts();
    p = put_u32(accept(), asc_port_stack_used());
    p = put_u32(p, asc_port_stack_size());
    p = put_u32(p, counts.received);
    return put_u32(p, counts.dropped);
}

static uint8_t *execute(const asc_frame_t *request) {
    switch (request->type) {
    case ASC_OP_HELLO:
        return hello(request);
    case ASC_OP_WRITE_INPUT:
        return write_input(request);
    case ASC_OP_READ_INPUT:
        return read_input(request);
#ifdef ASC_CLIP_SAMPLES
    case ASC_OP_AUDIO_BEGIN:
        return audio_begin(request);
    case ASC_OP_AUDIO_CHUNK:
        return audio_chunk(request);
#endif
    case ASC_OP_RUN:
        return run(request);
    case ASC_OP_READ_OUTPUT:
        return read_output(request);
    case ASC_OP_READ_PROFILE:
        return read_profile(request);
    case ASC_OP_READ_STATS:
        return read_stats(request);
    default:
        return refuse(ASC_STATUS_BAD_OPCODE);
    }
}

void asc_server_run(void) {
    asc_frame_t request;
    asc_frame_t last = {0}; /* the request that `answer` belongs to */
    uint16_t length = 0;    /* of `answer`; 0: there is none yet */

    asc_init(&state);
    asc_frame_start();
    while (asc_frame_receive(&request) == 0) {
        /* The same request once more: its answer was lost on the way. HELLO begins a session and is never old. */
        const int is_repeated = length != 0 && request.type != ASC_OP_HELLO && request.sequence == last.sequence &&
                                request.type == last.type && request.crc == last.crc;
        if (request.type >= ASC_OP_FAULT) {
            continue; /* never a request: our own frames, echoed by the line */
        }
        if (!is_repeated) {
            length = (uint16_t)(execute(&request) - answer);
            last = request;
        }
        asc_frame_send(request.sequence, (uint8_t)(request.type | ASC_RESPONSE_BIT), answer, length);
    }
}

void asc_server_fault(uint32_t number, uint32_t program_counter) {
    uint8_t payload[ASC_FAULT_BYTES];
    put_u32(put_u32(payload, number), program_counter);
    asc_frame_send(0, (uint8_t)(ASC_OP_FAULT | ASC_RESPONSE_BIT), payload, (uint16_t)sizeof payload);
}
