"""A board in Python that looks like a pyserial port: the protocol's other side, written from docs/protocol.md."""

from __future__ import annotations

from collections.abc import Callable

from server_model import Engine, ServerModel

from asc_kit.protocol import Hello, TimerUnit

Damage = Callable[[bytes], bytes]


def a_hello(**changes: object) -> Hello:
    values: dict[str, object] = {
        "flags": 3,
        "timer_unit": TimerUnit.CYCLES,
        "timer_hz": 1000,
        "max_payload_bytes": 1024,
        "n_operators": 300,
        "input_sizes": (3000,),
        "output_sizes": (4,),
        "sample_rate_hz": 8000,
        "clip_samples": 1100,
        "arena_bytes": 4000,
        "spec_id": "0011223344556677",
        "firmware_id": "8899aabbccddeeff",
        "model_sha256": "ab" * 32,
        "board": "fake",
    }
    return Hello(**(values | changes))  # type: ignore[arg-type]


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def engine_of(hello: Hello) -> Engine:
    """The network gives the input's first values; features are the samples' high bytes, repeated."""

    def features(samples: bytes) -> bytes:
        high = samples[1::2]
        return (high * (1 + hello.input_bytes // len(high)))[: hello.input_bytes]

    return Engine(
        who=hello.pack(),
        input_sizes=hello.input_sizes,
        output_sizes=hello.output_sizes,
        n_operators=hello.n_operators,
        clip_samples=hello.clip_samples,
        features=features,
        network=lambda values: values[: hello.output_bytes],
        profile=tuple(range(hello.n_operators)),
        version=hello.protocol_version,
        reset=(lambda: None) if hello.flags & 4 else None,
    )


class FakeBoard:
    """`to_board` and `to_host` hold what happens to the next writes and the next answers: each entry changes one."""

    port = "fake://board"
    baudrate = 1_000_000

    def __init__(self, hello: Hello | None = None, *, bridged: FakeBoard | None = None) -> None:
        """With `bridged` this is a second port to that one's board: what the board says arrives at both."""
        self.hello = hello or a_hello()
        self.clock: Clock = bridged.clock if bridged else Clock()
        self.server: ServerModel = bridged.server if bridged else ServerModel(engine_of(self.hello))
        self._ports: list[FakeBoard] = bridged._ports if bridged else []
        self._ports.append(self)
        self.to_board: list[Damage] = []
        self.to_host: list[Damage] = []
        self.is_silent = False
        self._out = bytearray()

    @property
    def executed(self) -> list[tuple[int, bytes]]:
        return self.server.executed

    @property
    def in_waiting(self) -> int:
        return len(self._out)

    def read(self, size: int) -> bytes:
        if not self._out:
            self.clock.now += 0.05
            return b""
        data = bytes(self._out[:size])
        del self._out[:size]
        return data

    def write(self, data: bytes) -> int:
        received = self.to_board.pop(0)(data) if self.to_board else data
        if self.is_silent:
            return len(data)
        answers = self.server.receive(received)
        # one answer after the other: each is a delimiter, a frame, a delimiter
        for answer in filter(None, answers.split(b"\0")):
            frame = b"\0" + answer + b"\0"
            for port in self._ports:
                port._out += port.to_host.pop(0)(frame) if port.to_host else frame
        return len(data)

    def close(self) -> None:
        pass

    def say(self, data: bytes) -> None:
        """Send bytes nobody asked for."""
        self._out += data
