"""docs/protocol.md against asc_kit.protocol: every byte table's example, every constant."""

from __future__ import annotations

import binascii
import re
from pathlib import Path

import pytest
from cobs import cobs
from fake_board import a_hello
from hypothesis import given
from hypothesis import strategies as st

from asc_kit import protocol
from asc_kit.protocol import Fault, Frame, Hello, Opcode, ProtocolError, RunReport, Stats, Status

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
BLOCK = re.search(r"```frames\n(.*?)```", DOCUMENT, re.S)
assert BLOCK is not None
EXAMPLES = re.findall(r"^(host|board) (\w+) (\d+) ?(.*)\n((?:    .*\n)+)", BLOCK[1], re.M)


def payload_of(sender: str, opcode: Opcode, fields: dict[str, str]) -> bytes:
    """Pack what an example's line says, with the contract's formats."""
    number = {name: int(value) for name, value in fields.items() if value.isdigit()}
    data = bytes.fromhex(fields.get("data", ""))
    if opcode is Opcode.FAULT:
        return Fault(**number).pack()
    if sender == "host":
        match opcode:
            case Opcode.HELLO:
                return protocol.HELLO_FORMAT.pack(number["protocol_version"])
            case Opcode.WRITE_INPUT | Opcode.AUDIO_CHUNK:
                return protocol.OFFSET_FORMAT.pack(number["offset"]) + data
            case Opcode.READ_INPUT | Opcode.READ_OUTPUT:
                return protocol.READ_FORMAT.pack(number["offset"], number["count"])
            case Opcode.AUDIO_BEGIN:
                return protocol.AUDIO_BEGIN_FORMAT.pack(number["samples"])
            case Opcode.RUN:
                return protocol.RUN_FORMAT.pack(number["flags"])
            case Opcode.READ_PROFILE:
                return protocol.PROFILE_FORMAT.pack(number["first"])
            case _:
                return b""
    status = Status[fields.pop("status")]
    if status is not Status.OK:
        return bytes((status,))
    number.pop("status", None)
    match opcode:
        case Opcode.HELLO:
            text = {name: fields[name] for name in ("spec_id", "firmware_id", "model_sha256", "board")}
            body = Hello(**(number | text)).pack()  # type: ignore[arg-type]
        case Opcode.WRITE_INPUT | Opcode.AUDIO_BEGIN | Opcode.AUDIO_CHUNK:
            body = protocol.OFFSET_FORMAT.pack(number["next"])
        case Opcode.RUN:
            body = RunReport(**number).pack()
        case Opcode.READ_PROFILE:
            body = b"".join(protocol.PROFILE_ENTRY_FORMAT.pack(int(time)) for time in fields["times"].split(","))
        case Opcode.READ_STATS:
            body = Stats(**number).pack()
        case _:
            body = data
    return bytes((status,)) + body


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e[0]}-{e[1]}-{e[2]}")
def test_example_in_the_document_is_what_the_code_sends(example: tuple[str, str, str, str, str]) -> None:
    sender, name, sequence, words, hexadecimal = example
    opcode = Opcode[name]
    fields = dict(word.split("=", 1) for word in words.split())
    line = bytes.fromhex("".join(hexadecimal.split()))
    assert line[0] == line[-1] == 0 and 0 not in line[1:-1]

    frame = Frame.unpack(cobs.decode(line[1:-1]))

    assert frame.sequence == int(sequence)
    assert frame.type == opcode | (protocol.RESPONSE_BIT if sender == "board" else 0)
    assert frame.payload == payload_of(sender, opcode, fields)
    assert b"\0" + cobs.encode(frame.pack()) + b"\0" == line


def test_every_request_has_an_example_and_a_section() -> None:
    assert {name for _, name, *_ in EXAMPLES} == {opcode.name for opcode in Opcode}
    sections = dict(re.findall(r"^### 0x([0-9A-F]{2}) (\w+)$", DOCUMENT, re.M))
    assert {int(value, 16): name for value, name in sections.items()} == {int(o): o.name for o in Opcode}


def test_status_table_is_the_enumeration() -> None:
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", DOCUMENT, re.M)
    assert {int(value): name for value, name in rows} == {int(s): s.name for s in Status}
    assert set(protocol.STATUS_HINTS) == set(Status) - {Status.OK}


def test_limits_and_timeouts_in_the_document_are_the_constants() -> None:
    assert f"version {protocol.PROTOCOL_VERSION}" in DOCUMENT.splitlines()[0]
    for name, value in (
        ("largest payload", protocol.MAX_PAYLOAD_BYTES),
        ("samples in an AUDIO_CHUNK", (protocol.MAX_PAYLOAD_BYTES - protocol.OFFSET_FORMAT.size) // 2),
        ("bytes in a WRITE_INPUT", protocol.MAX_PAYLOAD_BYTES - protocol.OFFSET_FORMAT.size),
        ("bytes in one READ_INPUT or READ_OUTPUT", protocol.MAX_PAYLOAD_BYTES - 1),
    ):
        assert re.search(rf"^\| {name} \| {value}\b", DOCUMENT, re.M), name
    assert f"| HELLO | {protocol.HELLO_TIMEOUT_S} s | {protocol.HELLO_ATTEMPTS} |" in DOCUMENT
    assert f"| others | {protocol.REQUEST_TIMEOUT_S:.0f} s | {protocol.REQUEST_ATTEMPTS} |" in DOCUMENT
    microseconds = protocol.RUN_TIMEOUT_PER_MAC_S * 1e6
    assert (
        f"| RUN | {protocol.RUN_TIMEOUT_S:.0f} s, plus {microseconds:.0f} µs for each of the model's "
        f"multiply-accumulates | {protocol.RUN_ATTEMPTS} |" in DOCUMENT
    )


def test_checksum_is_crc16_ccitt_false() -> None:
    # check value of the catalogue of parametrised CRC algorithms (CRC-16/IBM-3740)
    assert binascii.crc_hqx(b"123456789", 0xFFFF) == 0x29B1
    assert Frame(sequence=0x31, type=0x32, payload=b"3456789").pack()[-2:] == b"\xb1\x29"


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=1024))
def test_frame_comes_back(sequence: int, kind: int, payload: bytes) -> None:
    frame = Frame(sequence=sequence, type=kind, payload=payload)
    assert Frame.unpack(frame.pack()) == frame


@given(st.binary(max_size=60), st.data())
def test_a_burst_of_up_to_16_bits_is_always_noticed(payload: bytes, data: st.DataObject) -> None:
    packed = bytearray(Frame(sequence=1, type=2, payload=payload).pack())
    start = data.draw(st.integers(0, 8 * len(packed) - 16))
    burst = data.draw(st.integers(1, 0xFFFF)) << start
    damaged = int.from_bytes(packed, "big") ^ burst
    with pytest.raises(ProtocolError, match="checksum"):
        Frame.unpack(damaged.to_bytes(len(packed), "big"))


@given(st.binary(max_size=3))
def test_short_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="at least 4"):
        Frame.unpack(data)


def test_hello_comes_back_and_checks_its_length_and_values() -> None:
    hello = a_hello(board="a-board")
    data = hello.pack()
    assert Hello.unpack(data) == hello
    for broken in (data[:-1], data + b"x", data[:10], b""):
        with pytest.raises(ProtocolError, match="bytes"):
            Hello.unpack(broken)
    with pytest.raises(ProtocolError, match="invalid value"):
        Hello.unpack(data[:2] + b"\x09" + data[3:])  # no such timer unit
    with pytest.raises(ProtocolError, match="invalid value"):
        Hello.unpack(data[:-1] + b"\xff")  # not ASCII


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
