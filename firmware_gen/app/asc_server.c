/* The protocol server. docs/protocol.md says what each request means; the order of the functions is that of its
 * tables. Every value of a request is checked before it is used as an offset, a count or an index.
 *
 * A request is carried out when it belongs to the session and is newer than the last one. All others are answered too,
 * but change nothing: neither the session, nor the clip, nor the answer that is kept for the last request. */
#include "asc_server.h"

#include <string.h>

#include "asc_build.h"
#include "asc_digest.h"
#include "asc_frame.h"
#include "asc_model.h"
#include "asc_port.h"
#include "asc_protocol.h"
#ifdef ASC_SERVE_LISTENING
#include "asc_listener.h"
#endif

#define SAMPLE_BYTES 2u
#ifdef ASC_SERVE_LISTENING /* as in asc_build.h: else there is no memory for a stream, and streams are refused */
#define HELLO_LISTEN ASC_HELLO_LISTEN
#else
#define HELLO_LISTEN 0u
#endif
#ifdef ASC_CLIP_SAMPLES /* as in asc_model.h: else the model has no front end, and audio is refused */
#define HELLO_AUDIO ASC_HELLO_AUDIO
#define HELLO_SAMPLE_RATE_HZ ASC_SAMPLE_RATE_HZ
#define HELLO_CLIP_SAMPLES ASC_CLIP_SAMPLES
#else
#define HELLO_AUDIO 0u
#define HELLO_SAMPLE_RATE_HZ 0u
#define HELLO_CLIP_SAMPLES 0u
#endif
#define HELLO_FLAGS (HELLO_AUDIO | HELLO_LISTEN | ASC_HELLO_PROFILE | (ASC_HAS_STATE ? ASC_HELLO_STATE : 0u))
#define MAX_CHUNK_SAMPLES ((ASC_MAX_PAYLOAD_BYTES - ASC_OFFSET_BYTES) / SAMPLE_BYTES)

/* What the host may ask next. */
typedef enum {
    PHASE_EMPTY, /* no input */
    PHASE_INPUT, /* part of the features */
    PHASE_AUDIO, /* part of the audio, or of a stream's window */
    PHASE_READY, /* the input is complete */
    PHASE_DONE   /* the network has run: there is an output, the input is gone */
} phase_t;

/* Whose the board is. */
typedef struct {
    uint32_t nonce;    /* ASC_NO_SESSION: nobody's */
    uint32_t requests; /* carried out after HELLO */
    uint32_t client_length;
    uint8_t client[ASC_CLIENT_NAME_BYTES];
    asc_frame_t last; /* the last request, without its payload */
} session_t;

/* An answer that is being written; its last ASC_SEAL_BYTES are the seal. */
typedef struct {
    uint16_t length;
    uint8_t bytes[ASC_MAX_PAYLOAD_BYTES];
} answer_t;

/* An answer that changes nothing: a status, and at most who holds the board. */
typedef struct {
    uint16_t length;
    uint8_t bytes[1u + ASC_HOLDER_BYTES + ASC_CLIENT_NAME_BYTES + ASC_SEAL_BYTES];
} notice_t;

static session_t session;
static uint32_t frames_refused;
static asc_state_t state;
static phase_t phase;
static uint32_t current;  /* input that is being written */
static uint32_t position; /* bytes of it, or samples of audio, received */
static asc_digest_t input_digest;
static uint64_t frontend_time;
static uint64_t profile[ASC_N_OPERATORS];
static uint8_t has_profile;
static uint8_t is_stream; /* LISTEN_CHUNK may follow */
#ifdef ASC_SERVE_LISTENING
static asc_listener_t listener;
#endif

/* What the model takes and gives. */
static const uint32_t input_sizes[ASC_INPUT_COUNT] = ASC_INPUT_SIZES;
static const uint32_t output_sizes[ASC_OUTPUT_COUNT] = ASC_OUTPUT_SIZES;
static int8_t *(*const inputs[ASC_INPUT_COUNT])(asc_state_t *) = ASC_INPUT_FUNCTIONS;
static const int8_t *(*const outputs[ASC_OUTPUT_COUNT])(const asc_state_t *) = ASC_OUTPUT_FUNCTIONS;

/* The answer to the session's last request, sent again when that comes again. */
static answer_t kept;
static notice_t notice;

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
    kept.bytes[0] = status;
    return kept.bytes + 1;
}

static uint8_t *accept(void) {
    return refuse(ASC_STATUS_OK);
}

/* Ends an answer: the seal is over the request as it arrived and the answer as it leaves, so that the host knows of
 * both that they are what was sent. Returns the answer's length. */
static uint16_t seal(const asc_frame_t *request, const uint8_t *answer, uint8_t *end) {
    asc_digest_t digest;
    uint8_t head[ASC_SEAL_HEAD_BYTES];

    (void)put_u16(put_u32(head, request->sequence) + 1, request->length);
    head[4] = request->type;
    asc_digest_start(&digest, ASC_SEAL_BYTES, request->nonce);
    asc_digest_update(&digest, head, sizeof head);
    asc_digest_update(&digest, request->payload, request->length);
    asc_digest_update(&digest, answer, (uint32_t)(end - answer));
    asc_digest_finish(&digest, end);
    return (uint16_t)(end - answer + (int32_t)ASC_SEAL_BYTES);
}

/* Writes an answer that changes nothing; `has_holder`: says who holds the board. */
static void give_notice(const asc_frame_t *request, uint8_t status, int has_holder) {
    uint8_t *p = notice.bytes;

    *p++ = status;
    if (has_holder) {
        p = put_u32(p, session.nonce);
        p = put_u32(p, session.requests);
        *p++ = (uint8_t)session.client_length;
        p = put_bytes(p, session.client, session.client_length);
    }
    if (status == ASC_STATUS_BAD_VERSION) {
        *p++ = ASC_PROTOCOL_VERSION;
    }
    notice.length = seal(request, notice.bytes, p);
}

/* Whether a HELLO may open a session; if not, the notice says why. */
static int may_open(const asc_frame_t *request) {
    const uint8_t *p = request->payload;

    if (request->length == 0) {
        give_notice(request, ASC_STATUS_BAD_LENGTH, 0);
    } else if (p[0] != ASC_PROTOCOL_VERSION) {
        give_notice(request, ASC_STATUS_BAD_VERSION, 0);
    } else if (request->length < ASC_HELLO_REQUEST_BYTES ||
               request->length != ASC_HELLO_REQUEST_BYTES + p[ASC_HELLO_REQUEST_BYTES - 1u]) {
        give_notice(request, ASC_STATUS_BAD_LENGTH, 0);
    } else if (request->nonce == ASC_NO_SESSION || p[1] != 0 || p[ASC_HELLO_REQUEST_BYTES - 1u] == 0 ||
               p[ASC_HELLO_REQUEST_BYTES - 1u] > ASC_CLIENT_NAME_BYTES) {
        give_notice(request, ASC_STATUS_OUT_OF_RANGE, 0);
    } else if (session.nonce != ASC_NO_SESSION &&
               (get_u32(p + 2) != session.nonce || get_u32(p + 6) != session.requests)) {
        /* held, and not by one that was seen to be idle ever since */
        give_notice(request, ASC_STATUS_BUSY, 1);
    } else {
        return 1;
    }
    return 0;
}

static uint8_t *hello(const asc_frame_t *request) {
    static const uint8_t spec_id[] = ASC_SPEC_ID_BYTES;
    static const uint8_t firmware_id[] = ASC_FIRMWARE_ID_BYTES;
    static const uint8_t model_sha256[] = ASC_MODEL_SHA256_BYTES;
    static const char board[] = ASC_BOARD_NAME;
    uint8_t *p;

    session.nonce = request->nonce;
    session.requests = 0;
    session.client_length = request->payload[ASC_HELLO_REQUEST_BYTES - 1u];
    memcpy(session.client, request->payload + ASC_HELLO_REQUEST_BYTES, session.client_length);
    phase = PHASE_EMPTY;
    position = 0;
    has_profile = 0;
#if ASC_HAS_STATE
    asc_reset_state(&state);
#endif
    is_stream = 0;

    p = accept();
    *p++ = ASC_PROTOCOL_VERSION;
    *p++ = HELLO_FLAGS;
    *p++ = ASC_TIMER_UNIT;
    *p++ = ASC_HELLO_FIXED_BYTES;
    p = put_u32(p, ASC_TIMER_HZ);
    p = put_u16(p, ASC_MAX_PAYLOAD_BYTES);
    p = put_u16(p, ASC_N_OPERATORS);
    p = put_u32(p, HELLO_SAMPLE_RATE_HZ);
    p = put_u32(p, HELLO_CLIP_SAMPLES);
    p = put_u32(p, ASC_ARENA_BYTES);
    p = put_bytes(p, spec_id, sizeof spec_id);
    p = put_bytes(p, firmware_id, sizeof firmware_id);
    p = put_bytes(p, model_sha256, sizeof model_sha256);
    *p++ = ASC_INPUT_COUNT;
    *p++ = ASC_OUTPUT_COUNT;
    for (uint32_t i = 0; i < ASC_INPUT_COUNT; i++) {
        p = put_u32(p, input_sizes[i]);
    }
    for (uint32_t i = 0; i < ASC_OUTPUT_COUNT; i++) {
        p = put_u32(p, output_sizes[i]);
    }
    *p++ = (uint8_t)(sizeof board - 1u);
    return put_bytes(p, board, sizeof board - 1u);
}

static void begin_clip(void) {
#if !ASC_HAS_STATE /* which outlives a clip */
    asc_init(&state);
#endif
    asc_digest_start(&input_digest, ASC_DIGEST_BYTES, session.nonce);
    position = 0;
    frontend_time = 0;
    has_profile = 0;
    is_stream = 0;
}

/* Features arrive in order, input by input: offset 0 of the first begins, every other place is where the last write
 * ended. */
static uint8_t *write_input(const asc_frame_t *request) {
    uint32_t index;
    uint32_t offset;
    uint32_t count;

    if (request->length < ASC_WRITE_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    index = request->payload[0];
    offset = get_u32(request->payload + 1);
    count = request->length - ASC_WRITE_BYTES;
    if (index >= ASC_INPUT_COUNT || offset > input_sizes[index] || count > input_sizes[index] - offset) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    if (index == 0 && offset == 0) {
        begin_clip();
        current = 0;
    } else if (phase != PHASE_INPUT || index != current || offset != position) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    memcpy(inputs[index](&state) + offset, request->payload + ASC_WRITE_BYTES, count);
    asc_digest_update(&input_digest, request->payload + ASC_WRITE_BYTES, count);
    phase = PHASE_INPUT;
    position = offset + count;
    if (position == input_sizes[index]) {
        current++;
        position = 0;
        phase = current == ASC_INPUT_COUNT ? PHASE_READY : PHASE_INPUT;
    }
    return put_u32(accept(), offset + count);
}

/* A part of an input or an output, once the index is one of a tensor. */
static uint8_t *read_bytes(const asc_frame_t *request, const int8_t *data, uint32_t size) {
    const uint32_t offset = get_u32(request->payload + 1);
    const uint32_t count = get_u16(request->payload + 5);

    if (offset > size || count > size - offset || count > ASC_MAX_READ_BYTES) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    return put_bytes(accept(), data + offset, count);
}

static uint8_t *read_input(const asc_frame_t *request) {
    if (phase != PHASE_READY) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    if (request->length != ASC_READ_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if (request->payload[0] >= ASC_INPUT_COUNT) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    return read_bytes(request, inputs[request->payload[0]](&state), input_sizes[request->payload[0]]);
}

#ifdef ASC_CLIP_SAMPLES
static uint8_t *audio_begin(const asc_frame_t *request) {
    if (request->length != ASC_AUDIO_BEGIN_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if (get_u32(request->payload) != ASC_CLIP_SAMPLES) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    begin_clip();
    phase = PHASE_AUDIO;
    return put_u32(accept(), position);
}

static int16_t samples[MAX_CHUNK_SAMPLES]; /* of a chunk */

static uint8_t *audio_chunk(const asc_frame_t *request) {
    const uint8_t *data = request->payload + ASC_OFFSET_BYTES;
    uint32_t count;

    if (request->length < ASC_OFFSET_BYTES || (request->length - ASC_OFFSET_BYTES) % SAMPLE_BYTES != 0) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if (phase != PHASE_AUDIO || is_stream || get_u32(request->payload) != position) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    count = (request->length - ASC_OFFSET_BYTES) / SAMPLE_BYTES;
    if (count > ASC_CLIP_SAMPLES - position) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    for (uint32_t i = 0; i < count; i++) {
        samples[i] = (int16_t)get_u16(data + SAMPLE_BYTES * i);
    }
    asc_digest_update(&input_digest, data, SAMPLE_BYTES * count);
    asc_port_timer_start();
    position += asc_push_samples(&state, samples, count);
    frontend_time += asc_port_timer_elapsed();
    if (position == ASC_CLIP_SAMPLES) {
        phase = PHASE_READY;
    }
    return put_u32(accept(), position);
}
#endif

#ifdef ASC_SERVE_LISTENING
static uint8_t *listen_begin(const asc_frame_t *request) {
    uint32_t hop_frames;

    if (request->length != ASC_LISTEN_BEGIN_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    hop_frames = get_u32(request->payload);
    if (hop_frames == 0 || hop_frames > INT32_MAX) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    begin_clip();
    (void)asc_listen_init(&state, &listener, (int32_t)hop_frames);
    is_stream = 1;
    phase = PHASE_AUDIO;
    return put_u32(accept(), position);
}

/* Takes samples up to the end of a window; after it, the digest and the time begin anew. */
static uint8_t *listen_chunk(const asc_frame_t *request) {
    const uint8_t *data = request->payload + ASC_OFFSET_BYTES;
    uint32_t count;
    uint8_t *p;

    if (request->length < ASC_OFFSET_BYTES || (request->length - ASC_OFFSET_BYTES) % SAMPLE_BYTES != 0) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if (!is_stream || get_u32(request->payload) != position) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    if (phase != PHASE_AUDIO) {
        asc_digest_start(&input_digest, ASC_DIGEST_BYTES, session.nonce);
        frontend_time = 0;
        has_profile = 0;
        phase = PHASE_AUDIO;
    }
    count = (request->length - ASC_OFFSET_BYTES) / SAMPLE_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        samples[i] = (int16_t)get_u16(data + SAMPLE_BYTES * i);
    }
    asc_port_timer_start();
    count = asc_listen_push(&state, &listener, samples, count);
    frontend_time += asc_port_timer_elapsed();
    asc_digest_update(&input_digest, data, SAMPLE_BYTES * count);
    position += count;
    if (listener.stream.due) {
        phase = PHASE_READY;
    }
    p = put_u32(accept(), position);
    *p++ = (uint8_t)listener.stream.due;
    return p;
}
#endif

static uint8_t *run(const asc_frame_t *request) {
    asc_digest_t output_digest;
    uint64_t network_time;
    uint8_t *p;

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
    p = put_u64(put_u64(accept(), network_time), frontend_time);
    asc_digest_finish(&input_digest, p);
    asc_digest_start(&output_digest, ASC_DIGEST_BYTES, session.nonce);
    for (uint32_t i = 0; i < ASC_OUTPUT_COUNT; i++) {
        asc_digest_update(&output_digest, outputs[i](&state), output_sizes[i]);
    }
    asc_digest_finish(&output_digest, p + ASC_DIGEST_BYTES);
    return p + 2u * ASC_DIGEST_BYTES;
}

static uint8_t *read_output(const asc_frame_t *request) {
    if (phase != PHASE_DONE) {
        return refuse(ASC_STATUS_BAD_STATE);
    }
    if (request->length != ASC_READ_BYTES) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    if (request->payload[0] >= ASC_OUTPUT_COUNT) {
        return refuse(ASC_STATUS_OUT_OF_RANGE);
    }
    return read_bytes(request, outputs[request->payload[0]](&state), output_sizes[request->payload[0]]);
}

static uint8_t *read_profile(const asc_frame_t *request) {
    const uint8_t *end = kept.bytes + sizeof kept.bytes - ASC_SEAL_BYTES - ASC_PROFILE_ENTRY_BYTES;
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
    p = put_u32(p, counts.dropped);
    return put_u32(p, frames_refused);
}

/* The board is nobody's again; the answer, which is kept, is the session's last. */
static uint8_t *goodbye(const asc_frame_t *request) {
    if (request->length != 0) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    session.nonce = ASC_NO_SESSION;
    session.requests = 0;
    session.client_length = 0;
    return accept();
}

#if ASC_HAS_STATE
/* A new sequence begins: the network forgets all earlier inputs. */
static uint8_t *reset_state(const asc_frame_t *request) {
    if (request->length != 0) {
        return refuse(ASC_STATUS_BAD_LENGTH);
    }
    asc_reset_state(&state);
    phase = PHASE_EMPTY;
    return accept();
}
#endif

static uint8_t *execute(const asc_frame_t *request) {
    switch (request->type) {
    case ASC_OP_HELLO:
        return refuse(ASC_STATUS_BAD_STATE); /* the session is open */
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
#ifdef ASC_SERVE_LISTENING
    case ASC_OP_LISTEN_BEGIN:
        return listen_begin(request);
    case ASC_OP_LISTEN_CHUNK:
        return listen_chunk(request);
#endif
    case ASC_OP_RUN:
        return run(request);
    case ASC_OP_READ_OUTPUT:
        return read_output(request);
    case ASC_OP_READ_PROFILE:
        return read_profile(request);
    case ASC_OP_READ_STATS:
        return read_stats(request);
    case ASC_OP_GOODBYE:
        return goodbye(request);
#if ASC_HAS_STATE
    case ASC_OP_RESET_STATE:
        return reset_state(request);
#endif
    default:
        return refuse(ASC_STATUS_BAD_OPCODE);
    }
}

static void keep(const asc_frame_t *request, uint8_t *end) {
    kept.length = seal(request, kept.bytes, end);
    session.last = *request;
}

/* Carries a request out or not; returns 1 when the kept answer is its answer, 0 when the notice is. */
static int serve(const asc_frame_t *request) {
    const asc_frame_t *last = &session.last;

    if (request->type == ASC_OP_HELLO && (request->nonce != session.nonce || request->nonce == ASC_NO_SESSION)) {
        if (!may_open(request)) {
            return 0;
        }
        keep(request, hello(request));
    } else if (request->nonce != session.nonce || request->nonce == ASC_NO_SESSION) {
        frames_refused++;
        give_notice(request, ASC_STATUS_OTHER_SESSION, 1);
        return 0;
    } else if (request->sequence > last->sequence) {
        session.requests++;
        keep(request, execute(request));
    } else if (request->sequence != last->sequence || request->type != last->type || request->length != last->length ||
               request->crc != last->crc) {
        frames_refused++;
        give_notice(request, ASC_STATUS_OLD_SEQUENCE, 0);
        return 0;
    }
    /* or else the last request once more: its answer was lost on the way */
    return 1;
}

void asc_server_run(void) {
    asc_frame_t frame;

    asc_init(&state);
    asc_frame_start();
    while (asc_frame_receive(&frame) == 0) {
        if (frame.type >= ASC_OP_FAULT) {
            continue; /* never a request: our own frames, echoed by the line */
        }
        if (serve(&frame)) {
            frame.payload = kept.bytes;
            frame.length = kept.length;
        } else {
            frame.payload = notice.bytes;
            frame.length = notice.length;
        }
        frame.type = (uint8_t)(frame.type | ASC_RESPONSE_BIT);
        asc_frame_send(&frame);
    }
}

/* Nobody asked: sealed as the answer to an empty request of type FAULT and sequence 0. */
void asc_server_fault(uint32_t number, uint32_t program_counter) {
    uint8_t payload[ASC_FAULT_BYTES + ASC_SEAL_BYTES];
    asc_frame_t frame = {0};

    frame.nonce = session.nonce;
    frame.type = ASC_OP_FAULT;
    frame.payload = payload;
    frame.length = seal(&frame, payload, put_u32(put_u32(payload, number), program_counter));
    frame.type = ASC_OP_FAULT | ASC_RESPONSE_BIT;
    asc_frame_send(&frame);
}
