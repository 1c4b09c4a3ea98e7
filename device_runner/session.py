"""A session with a board: what can be asked of it, in the words of the domain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asc_kit import protocol
from asc_kit.bundle import BundleManifest
from asc_kit.errors import BoardError
from asc_kit.protocol import Hello, HelloFlag, Opcode, ProtocolError, RunFlag, RunReport, Stats, Status

from .link import Link, RefusedError

# HELLO's promise must leave room for an offset and some data, or transfers would never end.
_SMALLEST_PAYLOAD_BYTES = 16


class Session:
    """A board that answered.

    Parameters
    ----------
    link
        The line to it.

    Raises
    ------
    BoardError
        When it does not answer, or speaks another version of the protocol.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.hello = _say_hello(link)
        self._payload_bytes = min(self.hello.max_payload_bytes, protocol.MAX_PAYLOAD_BYTES)

    def check(self, manifest: BundleManifest, *, firmware_id: str | None = None) -> None:
        """Refuse a board that does not run this bundle.

        Parameters
        ----------
        manifest
            The bundle's.
        firmware_id
            Fingerprint of the firmware the board must run; None for any.

        Raises
        ------
        BoardError
            Naming what differs.
        """
        hint = "build and flash this bundle's firmware: asc-kit firmware BUNDLE --board NAME --build"
        expected: Sequence[tuple[str, object, object]] = (
            ("model", manifest.model_sha256, self.hello.model_sha256),
            ("front end (spec_id)", manifest.frontend.spec_id, self.hello.spec_id),
            ("input size in bytes", manifest.input.n_elements, self.hello.input_bytes),
            ("output size in bytes", manifest.output.n_elements, self.hello.output_bytes),
            ("sampling rate in hertz", manifest.frontend.sample_rate_hz, self.hello.sample_rate_hz),
            ("clip length in samples", manifest.frontend.clip_samples, self.hello.clip_samples),
            ("firmware", firmware_id, self.hello.firmware_id),
        )
        for what, wanted, actual in expected:
            if wanted is not None and wanted != actual:
                raise BoardError(
                    f"the board {self.hello.board} on {self.link.name} has another {what}: "
                    f"expected {wanted!s:.16}. Received: {actual!s:.16}",
                    hint=hint,
                )

    def require(self, flag: HelloFlag) -> None:
        """Refuse a board whose firmware lacks a feature."""
        if not self.hello.flags & flag:
            raise BoardError(
                f"the firmware of board {self.hello.board} has no support for {flag.name.lower()}",
                hint="flash firmware made by this version",
            )

    def write_input(self, quantized: NDArray[np.int8]) -> None:
        """Send the input tensor, int8 of any shape with the input's number of elements."""
        data = np.ascontiguousarray(quantized, np.int8).tobytes()
        step = self._payload_bytes - protocol.OFFSET_FORMAT.size
        for offset in range(0, len(data), step):
            part = data[offset : offset + step]
            answer = self.link.request(Opcode.WRITE_INPUT, protocol.OFFSET_FORMAT.pack(offset) + part)
            self._expect_offset(Opcode.WRITE_INPUT, answer, offset + len(part))

    def stream_audio(self, samples: NDArray[np.int16]) -> None:
        """Send one clip, int16, shape [clip_samples]; the board computes its features on the way."""
        data = np.ascontiguousarray(samples, "<i2").tobytes()
        answer = self.link.request(Opcode.AUDIO_BEGIN, protocol.AUDIO_BEGIN_FORMAT.pack(len(samples)))
        self._expect_offset(Opcode.AUDIO_BEGIN, answer, 0)
        step = (self._payload_bytes - protocol.OFFSET_FORMAT.size) // 2
        for offset in range(0, len(samples), step):
            end = min(offset + step, len(samples))
            answer = self.link.request(
                Opcode.AUDIO_CHUNK, protocol.OFFSET_FORMAT.pack(offset) + data[2 * offset : 2 * end]
            )
            self._expect_offset(Opcode.AUDIO_CHUNK, answer, end)

    def read_input(self) -> NDArray[np.int8]:
        """Read the complete input tensor, shape [input_bytes]: after `stream_audio`, the board's own features."""
        return self._read(Opcode.READ_INPUT, self.hello.input_bytes)

    def run(self, *, macs: int, profile: bool = False) -> RunReport:
        """Run the network on the input; consumes it.

        Parameters
        ----------
        macs
            Multiply-accumulates of the model: sets how long to wait.
        profile
            Measure every operator; `profile` then reads the times.
        """
        flags = RunFlag.PROFILE if profile else 0
        answer = self.link.request(
            Opcode.RUN,
            protocol.RUN_FORMAT.pack(flags),
            timeout_s=protocol.RUN_TIMEOUT_S + protocol.RUN_TIMEOUT_PER_MAC_S * macs,
            attempts=protocol.RUN_ATTEMPTS,
        )
        try:
            return RunReport.unpack(answer)
        except ProtocolError as failure:
            raise BoardError(f"the board's answer to RUN is not valid: {failure}") from failure

    def read_output(self) -> NDArray[np.int8]:
        """Read the output tensor, shape [output_bytes]."""
        return self._read(Opcode.READ_OUTPUT, self.hello.output_bytes)

    def profile(self) -> tuple[int, ...]:
        """Read the operators' times of the last profiled run, in timer counts."""
        times: list[int] = []
        entry = protocol.PROFILE_ENTRY_FORMAT
        while len(times) < self.hello.n_operators:
            answer = self.link.request(Opcode.READ_PROFILE, protocol.PROFILE_FORMAT.pack(len(times)))
            if not answer or len(answer) % entry.size:
                raise BoardError(f"the board's answer to READ_PROFILE is not valid: {len(answer)} bytes")
            times += [value for (value,) in entry.iter_unpack(answer)]
        return tuple(times[: self.hello.n_operators])

    def stats(self) -> Stats:
        """Read the board's counters."""
        try:
            return Stats.unpack(self.link.request(Opcode.READ_STATS))
        except ProtocolError as failure:
            raise BoardError(f"the board's answer to READ_STATS is not valid: {failure}") from failure

    def _read(self, opcode: Opcode, size: int) -> NDArray[np.int8]:
        data = bytearray()
        step = self._payload_bytes - 1  # the status
        while len(data) < size:
            count = min(step, size - len(data))
            answer = self.link.request(opcode, protocol.READ_FORMAT.pack(len(data), count))
            if len(answer) != count:
                raise BoardError(f"the board answered {opcode.name} with {len(answer)} bytes, expected {count}")
            data += answer
        return np.frombuffer(bytes(data), np.int8)

    def _expect_offset(self, opcode: Opcode, answer: bytes, expected: int) -> None:
        if answer != protocol.OFFSET_FORMAT.pack(expected):
            raise BoardError(
                f"the board lost count: after {opcode.name} it expects {answer.hex() or 'nothing'}, not {expected}",
                hint="was it reset in between? Try again",
            )


def _say_hello(link: Link) -> Hello:
    try:
        answer = link.request(
            Opcode.HELLO,
            protocol.HELLO_FORMAT.pack(protocol.PROTOCOL_VERSION),
            timeout_s=protocol.HELLO_TIMEOUT_S,
            attempts=protocol.HELLO_ATTEMPTS,
        )
        hello = Hello.unpack(answer)
    except RefusedError as refusal:
        if refusal.status is Status.BAD_VERSION and refusal.data:
            raise _other_version(link, refusal.data[0]) from None
        raise
    except ProtocolError as failure:
        raise BoardError(
            f"the board on {link.name} answers HELLO in another layout: {failure}",
            hint=protocol.STATUS_HINTS[Status.BAD_VERSION],
        ) from failure
    if hello.protocol_version != protocol.PROTOCOL_VERSION:
        raise _other_version(link, hello.protocol_version)
    if hello.max_payload_bytes < _SMALLEST_PAYLOAD_BYTES or not 1 <= hello.n_operators:
        raise BoardError(f"the board on {link.name} makes an impossible promise: {hello}")
    return hello


def _other_version(link: Link, version: int) -> BoardError:
    return BoardError(
        f"the board on {link.name} speaks protocol version {version}, this asc-kit {protocol.PROTOCOL_VERSION}",
        hint=protocol.STATUS_HINTS[Status.BAD_VERSION],
    )
