"""The protocol's constants as a C header: asc_protocol.h is generated from asc_kit.protocol alone."""

from __future__ import annotations

from enum import IntEnum

from asc_kit import protocol


def protocol_header() -> str:
    """Return the text of asc_protocol.h."""
    sections: list[tuple[str, list[tuple[str, str]]]] = [
        (
            "Frames",
            [
                ("ASC_PROTOCOL_VERSION", f"{protocol.PROTOCOL_VERSION}u"),
                ("ASC_FRAME_DELIMITER", f"{protocol.DELIMITER}u"),
                ("ASC_FRAME_OVERHEAD", f"{protocol.FRAME_OVERHEAD}u"),
                ("ASC_MAX_PAYLOAD_BYTES", f"{protocol.MAX_PAYLOAD_BYTES}u"),
                ("ASC_RESPONSE_BIT", f"0x{protocol.RESPONSE_BIT:02x}u"),
            ],
        ),
        (
            "Sessions",
            [
                ("ASC_NO_SESSION", f"{protocol.NO_SESSION}u"),
                ("ASC_CLIENT_NAME_BYTES", f"{protocol.CLIENT_NAME_BYTES}u"),
                ("ASC_SEAL_BYTES", f"{protocol.SEAL_BYTES}u"),
                ("ASC_SEAL_HEAD_BYTES", f"{protocol.SEAL_HEAD.size}u"),
                ("ASC_DIGEST_BYTES", f"{protocol.DIGEST_BYTES}u"),
            ],
        ),
        ("Requests", _enumeration("ASC_OP", protocol.Opcode)),
        ("First byte of every answer", _enumeration("ASC_STATUS", protocol.Status)),
        ("What the timer counts", _enumeration("ASC_TIMER", protocol.TimerUnit)),
        ("Bits of RUN's flags", _enumeration("ASC_RUN", protocol.RunFlag)),
        ("Bits of HELLO's flags", _enumeration("ASC_HELLO", protocol.HelloFlag)),
        (
            "Sizes of payloads, in bytes; of requests with data, of what stands before the data",
            [
                ("ASC_HELLO_REQUEST_BYTES", f"{protocol.HelloRequest.LAYOUT.size}u"),
                ("ASC_HELLO_FIXED_BYTES", f"{protocol.Hello.LAYOUT.size}u"),
                ("ASC_HOLDER_BYTES", f"{protocol.Holder.LAYOUT.size}u"),
                ("ASC_WRITE_BYTES", f"{protocol.WRITE_FORMAT.size}u"),
                ("ASC_OFFSET_BYTES", f"{protocol.OFFSET_FORMAT.size}u"),
                ("ASC_READ_BYTES", f"{protocol.READ_FORMAT.size}u"),
                ("ASC_MAX_READ_BYTES", f"{protocol.MAX_READ_BYTES}u"),
                ("ASC_AUDIO_BEGIN_BYTES", f"{protocol.AUDIO_BEGIN_FORMAT.size}u"),
                ("ASC_LISTEN_BEGIN_BYTES", f"{protocol.LISTEN_BEGIN_FORMAT.size}u"),
                ("ASC_RUN_BYTES", f"{protocol.RUN_FORMAT.size}u"),
                ("ASC_PROFILE_BYTES", f"{protocol.PROFILE_FORMAT.size}u"),
                ("ASC_PROFILE_ENTRY_BYTES", f"{protocol.PROFILE_ENTRY_FORMAT.size}u"),
                ("ASC_FAULT_BYTES", f"{protocol.Fault.LAYOUT.size}u"),
            ],
        ),
    ]
    lines = [
        "/* The wire protocol's constants. Written by asc-kit; do not edit. The prose is docs/protocol.md. */",
        "#ifndef ASC_PROTOCOL_H",
        "#define ASC_PROTOCOL_H",
    ]
    for title, constants in sections:
        width = max(len(name) for name, _ in constants)
        lines += ["", f"/* {title} */"]
        lines += [f"#define {name:<{width}} {value}" for name, value in constants]
    lines += ["", "#endif"]
    return "\n".join(lines) + "\n"


def _enumeration(prefix: str, words: type[IntEnum]) -> list[tuple[str, str]]:
    return [(f"{prefix}_{word.name}", f"0x{word.value:02x}u") for word in words]
