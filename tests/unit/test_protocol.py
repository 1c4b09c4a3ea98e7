"""docs/protocol.md against asc_kit.protocol: every byte table's example, every constant."""

from __future__ import annotations

import binascii
import hashlib
import re
import struct
from pathlib import Path

import pytest
from cobs import cobs
from fake_board import a_hello
from hypothesis import given
from hypothesis import strategies as st

from asc_kit import protocol
from asc_kit.protocol import (
    Fault,
    Frame,
    Hello,
    HelloRequest,
    Holder,
    Opcode,
    ProtocolError,
    RunReport,
    Stats,
    Status,
)

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
BLOCK = re.search(r"```frames\n(.*?)```", DOCUMENT, re.S)
assert BLOCK is not None
EXAMPLES = re.findall(r"^(host|board) (\w+) ([0-9a-f]{8}) (\d+) ?(.*)\n((?:    .*\n)+)", BLOCK[1], re.M)


def payload_of(sender: str, opcode: Opcode, fields: dict[str, str]) -> bytes:
    """Pack what an example's line says, with the contract's formats; of an answer, status and data."""
    number = {name: int(value) for name, value in fields.items() if value.isdigit()}
    number |= {name: int(fields[name], 16) for name in ("holder_nonce", "nonce") if name in fields}
    data = bytes.fromhex(fields.get("data", ""))
    client = fields.get("client", "").replace("_", " ")
    if opcode is Opcode.FAULT:
        return Fault(**number).pack()
    if sender == "host":
        match opcode:
            case Opcode.HELLO:
                return HelloRequest(client=client, **number).pack()
            case Opcode.WRITE_INPUT:
                return protocol.WRITE_FORMAT.pack(number["index"], number["offset"]) + data
            case Opcode.AUDIO_CHUNK | Opcode.LISTEN_CHUNK:
                return protocol.OFFSET_FORMAT.pack(number["offset"]) + data
            case Opcode.READ_INPUT | Opcode.READ_OUTPUT:
                return protocol.READ_FORMAT.pack(number["index"], number["offset"], number["count"])
            case Opcode.AUDIO_BEGIN:
                return protocol.AUDIO_BEGIN_FORMAT.pack(number["samples"])
            case Opcode.LISTEN_BEGIN:
                return protocol.LISTEN_BEGIN_FORMAT.pack(number["hop_frames"])
            case Opcode.RUN:
                return protocol.RUN_FORMAT.pack(number["flags"])
            case Opcode.READ_PROFILE:
                return protocol.PROFILE_FORMAT.pack(number["first"])
            case _:
                return b""
    status = Status[fields.pop("status")]
    if status in (Status.BUSY, Status.OTHER_SESSION):
        return bytes((status,)) + Holder(client=client, **number).pack()
    if status is not Status.OK:
        return bytes((status,))
    match opcode:
        case Opcode.HELLO:
            text = {name: fields[name] for name in ("spec_id", "firmware_id", "model_sha256", "board")}
            sizes = {name: (number.pop(name),) for name in ("input_sizes", "output_sizes")}
            body = Hello(**(number | text | sizes)).pack()  # type: ignore[arg-type]
        case Opcode.LISTEN_CHUNK:
            body = protocol.LISTEN_FORMAT.pack(number["next"], number["due"])
        case Opcode.WRITE_INPUT | Opcode.AUDIO_BEGIN | Opcode.AUDIO_CHUNK | Opcode.LISTEN_BEGIN:
            body = protocol.OFFSET_FORMAT.pack(number["next"])
        case Opcode.RUN:
            digests = {name: bytes.fromhex(fields[name]) for name in ("input_digest", "output_digest")}
            times = {name: number[name] for name in ("network_time", "frontend_time")}
            body = RunReport(**(times | digests)).pack()  # type: ignore[arg-type]
        case Opcode.READ_PROFILE:
            body = b"".join(protocol.PROFILE_ENTRY_FORMAT.pack(int(time)) for time in fields["times"].split(","))
        case Opcode.READ_STATS:
            body = Stats(**number).pack()
        case _:
            body = data
    return bytes((status,)) + body


def frame_of(index: int) -> Frame:
    """What the words of an example are as a frame; an answer is sealed over the request before it."""
    sender, name, nonce, sequence, words, _ = EXAMPLES[index]
    fields = dict(word.split("=", 1) for word in words.split())
    opcode = Opcode[name]
    payload = payload_of(sender, opcode, fields)
    if opcode is Opcode.FAULT:
        unasked = Frame(nonce=int(nonce, 16), sequence=0, type=opcode, payload=b"")
        payload += protocol.seal(unasked, payload)
    elif sender == "board":
        payload += protocol.seal(frame_of(index - 1), payload)
    kind = opcode | (protocol.RESPONSE_BIT if sender == "board" else 0)
    return Frame(nonce=int(nonce, 16), sequence=int(sequence), type=kind, payload=payload)


@pytest.mark.parametrize("index", range(len(EXAMPLES)), ids=lambda i: "-".join(EXAMPLES[i][:4]))
def test_example_in_the_document_is_what_the_code_sends(index: int) -> None:
    line = bytes.fromhex("".join(EXAMPLES[index][-1].split()))
    assert line[0] == line[-1] == 0 and 0 not in line[1:-1]
    frame = frame_of(index)
    assert Frame.unpack(cobs.decode(line[1:-1])) == frame
    assert b"\0" + cobs.encode(frame.pack()) + b"\0" == line


def test_digests_in_the_examples_are_those_of_the_data() -> None:
    """The examples' clip is what their WRITE_INPUT and READ_OUTPUT hold."""
    nonce, _, words, _ = next(e[2:] for e in EXAMPLES if e[:2] == ("board", "RUN"))
    fields = dict(word.split("=", 1) for word in words.split())
    assert BLOCK is not None
    examples = BLOCK[1]
    written, read = (re.search(rf"^{who} {what}.*data=(\w+)", examples, re.M) for who, what in DATA)
    assert written is not None and read is not None
    assert fields["input_digest"] == protocol.digest(int(nonce, 16), bytes.fromhex(written[1])).hex()
    assert fields["output_digest"] == protocol.digest(int(nonce, 16), bytes.fromhex(read[1])).hex()


DATA = (("host", "WRITE_INPUT"), ("board", "READ_OUTPUT"))


def test_every_request_has_an_example_and_a_section() -> None:
    assert len(EXAMPLES) > 20
    assert {name for _, name, *_ in EXAMPLES} == {opcode.name for opcode in Opcode}
    sections = dict(re.findall(r"^### 0x([0-9A-F]{2}) (\w+)$", DOCUMENT, re.M))
    assert {int(value, 16): name for value, name in sections.items()} == {int(o): o.name for o in Opcode}


def test_status_table_is_the_enumeration() -> None:
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]{2,}) \|", DOCUMENT, re.M)
    assert {int(value): name for value, name in rows} == {int(s): s.name for s in Status}
    assert set(protocol.STATUS_HINTS) == set(Status) - {Status.OK}


def test_limits_and_timeouts_in_the_document_are_the_constants() -> None:
    assert f"version {protocol.PROTOCOL_VERSION}" in DOCUMENT.splitlines()[0]
    for name, value in (
        ("largest payload", protocol.MAX_PAYLOAD_BYTES),
        ("samples in an AUDIO_CHUNK", (protocol.MAX_PAYLOAD_BYTES - protocol.OFFSET_FORMAT.size) // 2),
        ("bytes in a WRITE_INPUT", protocol.MAX_PAYLOAD_BYTES - protocol.WRITE_FORMAT.size),
        ("bytes in one READ_INPUT or READ_OUTPUT", protocol.MAX_READ_BYTES),
        ("bytes in a host's name", protocol.CLIENT_NAME_BYTES),
    ):
        assert re.search(rf"^\| {name} \| {value}\b", DOCUMENT, re.M), name
    assert f"| HELLO | {protocol.HELLO_TIMEOUT_S} s | {protocol.HELLO_ATTEMPTS} |" in DOCUMENT
    assert f"| others | {protocol.REQUEST_TIMEOUT_S:.0f} s | {protocol.REQUEST_ATTEMPTS} |" in DOCUMENT
    microseconds = protocol.RUN_TIMEOUT_PER_MAC_S * 1e6
    assert (
        f"| RUN | {protocol.RUN_TIMEOUT_S:.0f} s, plus {microseconds:.0f} µs for each of the model's "
        f"multiply-accumulates | {protocol.RUN_ATTEMPTS} |" in DOCUMENT
    )
    text = " ".join(DOCUMENT.split())
    assert f"every {protocol.HOLDER_POLL_S} s" in text and f"for {protocol.HOLDER_PATIENCE_S:.0f} s" in text
    assert f"RUN waits at most {protocol.RUN_TIMEOUT_MAX_S:,.0f} s" in text
    assert f"at most {protocol.CLIP_ATTEMPTS} times, or {protocol.SILENT_CLIP_ATTEMPTS} times without" in text
    known = (protocol.KNOWN_RUN_TIMEOUT_S, protocol.KNOWN_RUN_FACTOR)
    assert "at most {:.0f} s and {:.0f} times the longest run".format(*known) in text
    longest = protocol.MAX_PAYLOAD_BYTES + protocol.FRAME_OVERHEAD
    assert f"{longest:,} bytes + {longest // 254 + 1} for stuffing" in text
    assert f"as many as fit: at most {protocol.MAX_READ_BYTES // 8}\n" in DOCUMENT
    assert f"| length of the fixed part, {Hello.LAYOUT.size} |" in DOCUMENT


def test_checksum_is_crc32() -> None:
    # check value of the catalogue of parametrised CRC algorithms (CRC-32/ISO-HDLC)
    assert binascii.crc32(b"123456789") == 0xCBF43926
    frame = Frame(nonce=0x34333231, sequence=0x38373635, type=0x39, payload=b"")
    assert frame.pack()[-4:] == bytes.fromhex("2639f4cb")


def test_seal_and_digest_are_blake2s() -> None:
    """RFC 7693, appendix B, for the function; `salt` and the layout written out for what is made of it."""
    assert hashlib.blake2s(b"abc").hexdigest().startswith("508c5e8c327c14e2e1a72ba34eeb452f")
    request = Frame(nonce=0x01020304, sequence=5, type=6, payload=b"xyz")
    text = bytes.fromhex("05000000 06 0300") + b"xyz" + b"\0abc"
    salt = bytes.fromhex("04030201 00000000")
    assert protocol.seal(request, b"\0abc") == hashlib.blake2s(text, digest_size=8, salt=salt).digest()
    assert protocol.digest(0x01020304, b"xyz") == hashlib.blake2s(b"xyz", digest_size=16, salt=salt).digest()


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 255), st.binary(max_size=1024))
def test_frame_comes_back(nonce: int, sequence: int, kind: int, payload: bytes) -> None:
    frame = Frame(nonce=nonce, sequence=sequence, type=kind, payload=payload)
    assert Frame.unpack(frame.pack()) == frame


@given(st.binary(max_size=60), st.data())
def test_a_burst_of_up_to_32_bits_is_always_noticed(payload: bytes, data: st.DataObject) -> None:
    packed = bytearray(Frame(nonce=9, sequence=1, type=2, payload=payload).pack())
    start = data.draw(st.integers(0, 8 * len(packed) - 32))
    burst = data.draw(st.integers(1, 0xFFFFFFFF)) << start
    # bits in the order in which the checksum takes them: the low one of each byte first
    damaged = int.from_bytes(packed, "little") ^ burst
    with pytest.raises(ProtocolError, match="checksum"):
        Frame.unpack(damaged.to_bytes(len(packed), "little"))


@given(st.binary(max_size=12))
def test_short_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="at least 13"):
        Frame.unpack(data)


def test_old_boards_are_known_by_their_answer() -> None:
    """The frames of version 1's document: HELLO, and BAD_VERSION with the board's own."""
    assert protocol.old_hello() == bytes.fromhex("00 01 02") + struct.pack("<H", binascii.crc_hqx(b"\0\1\2", 0xFFFF))
    answer = bytes((0, 0x81, 5, 1))
    packed = answer + struct.pack("<H", binascii.crc_hqx(answer, 0xFFFF))
    assert protocol.old_version(packed) == 1
    for broken in (packed[:-1], packed + b"x", packed[:-1] + b"\0", b"\0\x82" + packed[2:], b""):
        assert protocol.old_version(broken) is None


def test_hello_comes_back_and_checks_its_length_and_values() -> None:
    hello = a_hello(board="a-board", input_sizes=(3, 70_000), output_sizes=(5,))
    data = hello.pack()
    assert Hello.unpack(data) == hello
    for end in range(len(data)):
        with pytest.raises(ProtocolError, match="too short|invalid value"):
            Hello.unpack(data[:end])
    with pytest.raises(ProtocolError, match="invalid value"):
        Hello.unpack(data[:2] + b"\x09" + data[3:])  # no such timer unit
    with pytest.raises(ProtocolError, match="invalid value"):
        Hello.unpack(data[:-1] + b"\xff")  # not ASCII
    with pytest.raises(ProtocolError, match="fixed part has 71 bytes"):
        Hello.unpack(data[:3] + b"\x47" + data[4:])
    with pytest.raises(ProtocolError, match="0 outputs"):
        Hello.unpack(data[:73] + b"\0" + data[74:])


def test_hello_of_a_later_version_is_read() -> None:
    """Fields appended to the fixed part, and behind the name."""
    hello = a_hello()
    data = hello.pack()
    size = Hello.LAYOUT.size
    later = data[:3] + bytes((size + 5,)) + data[4:size] + b"later" + data[size:] + b"more"
    assert Hello.unpack(later) == hello


@given(st.binary(max_size=80))
def test_holder_comes_back_without_control_characters(name: bytes) -> None:
    data = struct.pack("<IIB", 1, 2, len(name)) + name
    if len(name) > 48:
        with pytest.raises(ProtocolError, match="holder"):
            Holder.unpack(data)
        return
    holder = Holder.unpack(data)
    assert (holder.nonce, holder.requests) == (1, 2) and holder.client.isprintable() and holder.client.isascii()
    for broken in (data + b"x", data[:-1]):
        with pytest.raises(ProtocolError, match="holder"):
            Holder.unpack(broken)


@pytest.mark.parametrize("name", ["", "..", "../../etc", "/tmp/x", "a/b", "a\0b", "a b", "[red]", "a\n", "n" * 65])
def test_board_whose_name_could_not_name_a_folder_is_refused(name: str) -> None:
    data = a_hello(board=name).pack()
    with pytest.raises(ProtocolError, match="invalid value: the board's name is"):
        Hello.unpack(data)
    assert Hello.unpack(a_hello(board="n" * 64).pack()).board == "n" * 64


@pytest.mark.parametrize("record", [RunReport, Stats, Fault])
def test_records_of_another_length_are_refused(record: type[RunReport | Stats | Fault]) -> None:
    size = record.LAYOUT.size
    assert record.unpack(bytes(size)).pack() == bytes(size)
    with pytest.raises(ProtocolError, match=f"{size} bytes"):
        record.unpack(bytes(size + 1))
