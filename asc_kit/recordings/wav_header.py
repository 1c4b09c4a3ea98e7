"""Check the header of a WAV file against the file: find the true length of its audio.

libsndfile believes the header. A length that is too small (a recorder that died, a length beyond 4 GiB that wrapped)
hides audio silently. A length that is too large means a truncated copy, unless it is the placeholder of a recorder that
could not fill it in: then the audio continues to the end of the file. This covers only RIFF and its big-endian form
RIFX: RF64 and W64 have lengths of 64 bits and are left to libsndfile.

Source: Multimedia Programming Interface and Data Specifications 1.0 (IBM, Microsoft, 1991); EBU Tech 3306 (RF64).
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

HeaderFault = Literal["longer", "off", "cut_off"]

# 0, 2 GiB and 4 GiB, and what is just below or above them: the header, or what fills no whole frame, taken off.
# SoX writes 0x7FFFF000, FFmpeg 0xFFFFFFFF, arecord 0x80000000 or 0x7FFFFF00.
_PLACEHOLDERS = (range(0x7FFFE000, 0x80001000), range(0xFFFFE000, 0x100000000))
_RIFF_MOST = 0xFFFFFFFF
# Chunks that may follow the audio, so that a truncated chunk is recognised too; other names count if their length fits
# the file.
_KNOWN_CHUNKS = frozenset(
    name.ljust(4).encode()
    for name in (
        "LIST JUNK junk PAD FLLR bext iXML axml chna cart fact PEAK cue smpl inst acid afsp id3 ID3 XMP _PMX DISP umid "
        "minf elm1 regn levl strc SyLp Cr8r wamd guan plst note labl ltxt slnt"
    ).split()
)
_TAGS = (b"TAG", b"ID3", b"APETAGEX")
"""First bytes of music players' tags, which some programs append without a chunk around them."""
# PCM, float, A-law, µ-law and EXTENSIBLE: a frame has a fixed number of bytes, and nothing but the length of the data
# says how many there are
_PLAIN_FORMATS = frozenset({1, 3, 6, 7, 0xFFFE})
_PROBES, _PROBE_BYTES = 64, 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class WavExtent:
    """Begin and end of the audio in a WAV file."""

    path: Path
    """The file."""
    big_endian: bool
    """RIFX instead of RIFF."""
    data_start: int
    """First byte of the audio."""
    declared_bytes: int
    """Number of bytes of audio that the header states."""
    held_bytes: int
    """True number of bytes of audio."""
    file_bytes: int
    """Size of the file."""
    frame_bytes: int
    """Bytes of a frame, or of a block of compressed samples; 1 if no header says it."""
    is_plain: bool
    """Whether only the length says how many frames there are."""
    fault: HeaderFault | None
    """Fault: ``longer``, the file holds more than the header says; ``cut_off``, less; ``off``, by a few bytes."""

    @property
    def says(self) -> str:
        """Description of the fault; empty if there is none."""
        if self.fault is None:
            return ""
        behind_header = self.file_bytes - self.data_start  # of a few bytes too many it is not known that they are audio
        lengths = f"its header says {self._length(self.declared_bytes)}, the file holds {self._length(behind_header)}"
        return f"cut off: {lengths}" if self.fault == "cut_off" else lengths

    @property
    def must_be_repaired(self) -> bool:
        """Whether libsndfile would read other bytes than the audio."""
        # it reads the chunks behind an empty chunk, and sometimes nothing of a chunk that was never filled in
        is_empty_before_others = self.declared_bytes == 0 and self.file_bytes > self.data_start
        return is_empty_before_others or (self.fault == "longer" and self.is_plain)

    def open_repaired(self) -> BinaryIO:
        """Open the file with a true header, and without the bytes behind the audio."""
        with self.path.open("rb") as stream:
            header = bytearray(stream.read(self.data_start))
        order = ">I" if self.big_endian else "<I"
        riff_bytes = self.data_start + self.held_bytes - 8
        if riff_bytes <= _RIFF_MOST:
            struct.pack_into(order, header, 4, riff_bytes)
            struct.pack_into(order, header, self.data_start - 4, self.held_bytes)
        else:
            sizes = struct.pack("<4sIQQQI", b"ds64", 28, riff_bytes + 36, self.held_bytes, 0, 0)
            header[:12] = struct.pack("<4sI4s", b"RF64", _RIFF_MOST, b"WAVE") + sizes
            struct.pack_into("<I", header, len(header) - 4, _RIFF_MOST)
        return io.BufferedReader(_Spliced(self.path, bytes(header), self.data_start, self.held_bytes))

    def _length(self, n_bytes: int) -> str:
        n_frames = f" ({n_bytes // self.frame_bytes:,} samples)" if self.is_plain else ""
        return f"{n_bytes:,} bytes of audio{n_frames}"


def find_extent(path: Path) -> WavExtent | None:
    """Find the audio of a WAV file; None if the file is no WAV file, or has no audio.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb", buffering=0) as stream:
        start = stream.read(_PROBE_BYTES)
        if start[:4] not in (b"RIFF", b"RIFX") or start[8:12] != b"WAVE":
            return None
        file_bytes = os.fstat(stream.fileno()).st_size
        big_endian = start[:4] == b"RIFX"
        order = ">4sI" if big_endian else "<4sI"
        frame_bytes, is_plain, place = 1, False, 12
        while True:
            chunk = _read_at(stream, start, place, 24)
            if len(chunk) < 8:
                return None
            name, n_bytes = struct.unpack_from(order, chunk)
            if name == b"data":
                break
            if name == b"fmt " and len(chunk) >= 22:
                tag, frame_bytes = struct.unpack_from(">H10xH" if big_endian else "<H10xH", chunk, 8)
                frame_bytes, is_plain = max(1, frame_bytes), tag in _PLAIN_FORMATS
            place += 8 + n_bytes + n_bytes % 2
        data_start = place + 8
        declared = int(n_bytes)
        held, fault = _judge(stream, order, data_start, declared, file_bytes, frame_bytes)
        if fault == "longer" and big_endian and data_start + held > _RIFF_MOST:
            is_plain = False  # no big-endian container has room for it
    return WavExtent(
        path=path,
        big_endian=big_endian,
        data_start=data_start,
        declared_bytes=declared,
        held_bytes=held,
        file_bytes=file_bytes,
        frame_bytes=frame_bytes,
        is_plain=is_plain,
        fault=fault,
    )


def _judge(
    stream: io.FileIO, order: str, data_start: int, declared: int, file_bytes: int, frame_bytes: int
) -> tuple[int, HeaderFault | None]:
    """Return the number of bytes of audio, and the fault of the number in the header."""
    to_the_end = file_bytes - data_start
    is_placeholder = declared == 0 or any(declared in values for values in _PLACEHOLDERS)
    # a writer may have counted the header in, which begins the file
    few = data_start
    if declared >= to_the_end:
        if is_placeholder or declared == to_the_end:
            return to_the_end, None
        return to_the_end, "off" if declared - to_the_end <= few else "cut_off"
    behind = data_start + declared
    # an odd length wants a byte of padding, which some writers leave out
    if any(_is_no_audio(stream, order, behind + padding, file_bytes) for padding in {declared % 2, 0}):
        return declared, None
    if is_placeholder:
        return to_the_end, None
    if to_the_end - declared <= few:
        return declared, "off" if to_the_end - declared > max(frame_bytes, 8) else None
    return to_the_end, "longer"


def _is_no_audio(stream: io.FileIO, order: str, place: int, file_bytes: int) -> bool:
    """Return whether anything but audio begins at a place: a chunk, a tag, or zeros that fill up a block."""
    left = file_bytes - place
    if left <= 0:
        return True
    start = _read_at(stream, b"", place, 8)
    if start[:4] in _KNOWN_CHUNKS or start.startswith(_TAGS):
        return True
    if len(start) == 8:
        name, n_bytes = struct.unpack(order, start)
        if all(32 <= byte < 127 for byte in name) and 8 + n_bytes <= left:
            return True
    last = max(place, file_bytes - _PROBE_BYTES)
    step = max(_PROBE_BYTES, left // _PROBES)
    return all(not any(_read_at(stream, b"", at, _PROBE_BYTES)) for at in (*range(place, last, step), last))


def _read_at(stream: io.FileIO, start: bytes, place: int, n_bytes: int) -> bytes:
    """Read bytes at a place, from the part of the file that was read already, if possible."""
    if place + n_bytes <= len(start):
        return start[place : place + n_bytes]
    stream.seek(place)
    return stream.read(n_bytes)


class _Spliced(io.RawIOBase):
    """A corrected header before the audio of a file."""

    def __init__(self, path: Path, header: bytes, data_start: int, data_bytes: int) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._header = header
        self._data_start = data_start
        self._size = len(header) + data_bytes
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, origin + offset)
        return self._place

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        wanted = min(len(buffer), max(0, self._size - self._place))
        if self._place < len(self._header):
            data = self._header[self._place : self._place + wanted]
        else:
            self._file.seek(self._data_start + self._place - len(self._header))
            data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
