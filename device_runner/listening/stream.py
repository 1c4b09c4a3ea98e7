"""A stream of bytes as an input: standard input, a FIFO, or what ffmpeg decodes from a URL.

Such a stream has no clock of its own: its samples are the time, and a network that is late has lost nothing. What is
missing is known where it went away and came back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import numpy as np

from asc_kit.errors import AscKitError

from ..media.byte_source import ByteSource
from ..media.pcm import PcmDecoder, PcmFormat
from .blocks import Batch, Block, BlockQueue, backoff, now_s

_BLOCK_S = 0.05
_TICK_S = 0.25
# Time that a machine may be busy without losing audio of a stream that does not wait.
_QUEUE_S = 20.0
_GIVE_UP_S = 30.0
# A stream that lasted so long was a good one: the next attempt follows at once.
_GOOD_S = 5.0
_HEADER_BYTES = 4096

Connect = Callable[[PcmFormat | None], ByteSource]
"""Opens the source; with the format of the first time, for those that can choose."""


class StreamInput:
    """An open stream: read it with `batches`.

    Parameters
    ----------
    name
        What it is called.
    connect
        Opens it.
    pcm
        Format of raw samples; None for WAV.
    comes_back
        Whether it is opened again when it ends.
    waits
        Whether the writer waits for the reader; else a queue holds 20 s and drops what is older.
    gives_up
        Whether it is opened again when nothing comes for half a minute.

    Raises
    ------
    AscKitError
        If it ends before its format is known.
    """

    def __init__(
        self,
        name: str,
        connect: Connect,
        *,
        pcm: PcmFormat | None,
        comes_back: bool,
        waits: bool,
        gives_up: bool = False,
    ) -> None:
        self.name = name
        self._connect, self._pcm = connect, pcm
        self._comes_back, self._waits, self._gives_up = comes_back, waits, gives_up
        self._source = connect(None)
        try:
            self._decoder, self._first = self._begin()
        except BaseException:
            self.close()
            raise
        assert self._decoder.format is not None
        self._format = self._decoder.format
        self.rate_hz, self.channels = self._format.rate_hz, self._format.channels
        self._position_s = self._last_s = now_s()

    def close(self) -> None:
        """Stop reading."""
        self._source.close()

    def batches(self) -> Iterator[Batch]:
        """Yield audio as it comes, and an empty batch at intervals if nothing comes, until it ends."""
        if self._waits:
            for block in self._blocks():
                yield self._batch(() if block is None else (block,))
            return
        queue = BlockQueue(round(_QUEUE_S * self.rate_hz))
        failures: list[Exception] = []

        def read() -> None:
            try:
                for block in self._blocks():
                    if block is not None:
                        queue.put(block)
            except Exception as failure:  # told by the thread that listens
                failures.append(failure)
            queue.end()

        # a stream that hangs must not keep the process from ending
        threading.Thread(target=read, name="stream", daemon=True).start()
        while not queue.has_ended:
            yield self._batch(queue.take_all(_TICK_S).blocks)
        if failures:
            raise failures[0]

    def _batch(self, blocks: tuple[Block, ...]) -> Batch:
        if blocks:
            return Batch(blocks=blocks, now_s=blocks[-1].arrival_s)
        return Batch(blocks=(), now_s=self._position_s + now_s() - self._last_s)

    def _begin(self) -> tuple[PcmDecoder, Block]:
        """Read until the format is known; returns the audio that came with it."""
        decoder = PcmDecoder(self.name, self._pcm)
        samples = np.zeros((0, 1), np.float32)
        while decoder.format is None or not len(samples):
            data = self._source.read(_HEADER_BYTES, _TICK_S)
            if data == b"":
                reason = self._source.reason()
                raise AscKitError(f"{self.name} gives no sound" + (f": {reason}" if reason else ""))
            if data is not None:
                samples = decoder.decode(data)
        return decoder, Block(samples=samples, arrival_s=now_s())

    def _blocks(self) -> Iterator[Block | None]:
        """Yield blocks in the time of their samples; None where nothing came for a while."""
        yield self._place(self._first, self._position_s)
        began_s = now_s()
        pauses = backoff()
        while True:
            ended = yield from self._read()
            if not self._comes_back:
                return
            left_s, left_at_s = self._last_s, self._position_s
            if left_s - began_s > _GOOD_S:
                pauses = backoff()
            yield self._note(f"{self.name} {ended}; trying again")
            while True:
                self._source.close()
                yield from self._wait(next(pauses))
                try:
                    self._source = self._connect(self._format)
                    first = yield from self._return()
                except FormatChanged:
                    raise
                except AscKitError:
                    continue
                if first is not None:
                    break
            began_s = now_s()
            away_s = began_s - left_s
            yield self._note(f"{self.name} is back after {away_s:.1f} s")
            seconds = len(first.samples) / self.rate_hz
            yield replace(self._place(first, left_at_s + max(0.0, away_s - seconds)), returned=True)

    def _read(self) -> Generator[Block | None, None, str]:
        """Yield the blocks of a source until it ends; returns how it ended."""
        n_bytes = max(1, round(_BLOCK_S * self.rate_hz)) * self._format.frame_bytes
        while True:
            data = self._source.read(n_bytes, _TICK_S)
            if data is None:
                if self._gives_up and now_s() - self._last_s > _GIVE_UP_S:
                    return f"delivered nothing for {_GIVE_UP_S:g} s"
                yield None
                continue
            if not data:
                reason = self._source.reason()
                return f"ended ({reason})" if reason else "ended"
            samples = self._decoder.decode(data)
            if len(samples):
                yield self._place(Block(samples=samples, arrival_s=0.0), self._position_s)

    def _return(self) -> Generator[None, None, Block | None]:
        """Wait for the first audio of a source that was opened again; returns it, None if the source ended."""
        decoder = PcmDecoder(self.name, self._pcm)
        opened_s = now_s()
        while not (self._gives_up and now_s() - opened_s > _GIVE_UP_S):
            data = self._source.read(_HEADER_BYTES, _TICK_S)
            if data == b"":
                return None
            samples = decoder.decode(data or b"")
            if decoder.format is not None and decoder.format != self._format:
                was, now = self._format, decoder.format
                raise FormatChanged(
                    f"{self.name} came back with {now.channels} channels at {now.rate_hz} Hz ({now.encoding}), "
                    f"and had {was.channels} at {was.rate_hz} Hz ({was.encoding})",
                    hint="start again to hear it as it is",
                )
            if len(samples):
                self._decoder = decoder
                return Block(samples=samples, arrival_s=0.0)
            yield None
        return None

    def _wait(self, seconds: float) -> Iterator[None]:
        end_s = now_s() + seconds
        while (left_s := end_s - now_s()) > 0:
            time.sleep(min(left_s, _TICK_S))
            yield None

    def _place(self, block: Block, start_s: float) -> Block:
        self._position_s = start_s + len(block.samples) / self.rate_hz
        self._last_s = now_s()
        return replace(block, arrival_s=self._position_s)

    def _note(self, words: str) -> Block:
        return Block(samples=np.zeros((0, self.channels), np.float32), arrival_s=self._position_s, words=words)


class FormatChanged(AscKitError):
    """A source came back in another format."""
