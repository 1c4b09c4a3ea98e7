"""Clips whose answers are known: from the bundle and the reference kernels, or from the board on a good line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import Bundle
from asc_kit.errors import MismatchError
from asc_kit.inference.interpreter import Int8Model
from asc_kit.protocol import HelloFlag

from ..line.session import Session

# Clips beside the goldens: enough that no clip's answer can pass for the next clip's.
_DRAWN_INPUTS = 8
_DRAWN_CLIPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownClip:
    """A clip and the board's right answer."""

    name: str
    audio: NDArray[np.int16] | None
    """Shape [clip_samples]; None when the int8 input is sent."""
    input: NDArray[np.int8]
    """Shape [input_bytes]: the input sent, or the features that the board computes from the audio."""
    output: NDArray[np.int8]
    """Shape [output_bytes]."""


def known_clips(session: Session, bundle: Bundle | None, seed: int) -> tuple[KnownClip, ...]:
    """Ask the board on a line without faults, and compare its answers with the reference kernels.

    Parameters
    ----------
    session
        A session with the board.
    bundle
        The bundle that it runs; None if unknown: then an answer is right if the board gives it twice.
    seed
        Seed of the inputs that are drawn beside the bundle's golden clips.

    Raises
    ------
    MismatchError
        If the board gives a wrong answer, or two different answers, before the first fault.
    """
    draw = np.random.default_rng(seed)
    hello = session.hello
    goldens = [bundle.golden(entry) for entry in bundle.manifest.golden] if bundle is not None else []
    inputs = [(f"golden {index}", golden.input.reshape(-1)) for index, golden in enumerate(goldens)]
    inputs += [
        (f"input {index}", draw.integers(-128, 128, hello.input_bytes).astype(np.int8))
        for index in range(_DRAWN_INPUTS)
    ]
    audio: list[tuple[str, NDArray[np.int16]]] = []
    if hello.flags & HelloFlag.AUDIO:
        audio += [(f"golden {index} as audio", golden.audio) for index, golden in enumerate(goldens)]
        for index in range(_DRAWN_CLIPS):
            noise = draw.normal(0, 30 * 10.0**index, hello.clip_samples)
            audio.append((f"noise {index}", np.clip(noise, -32768, 32767).astype(np.int16)))
    reference = Int8Model(bundle.model_path.read_bytes()) if bundle is not None else None
    clips = [_learn(session, reference, name, None, values) for name, values in inputs]
    clips += [_learn(session, reference, name, samples, None) for name, samples in audio]
    for golden, clip in zip(goldens, clips, strict=False):
        _require_equal("the golden output", clip.name, golden.output.reshape(-1), clip.output)
    return tuple(clips)


def _learn(
    session: Session,
    reference: Int8Model | None,
    name: str,
    audio: NDArray[np.int16] | None,
    values: NDArray[np.int8] | None,
) -> KnownClip:
    answers: list[KnownClip] = []
    for _ in range(2 if reference is None else 1):
        if audio is not None:
            session.stream_audio(audio)
        else:
            assert values is not None
            session.write_input(values)
        board_input = session.read_input()
        if values is not None:
            _require_equal("the input", name, values, board_input)
        session.run(macs=0)
        answers.append(KnownClip(name=name, audio=audio, input=board_input, output=session.read_output()))
    clip = answers[0]
    if reference is not None:
        shaped = clip.input.reshape(reference.input_details["shape"])
        _require_equal("the reference kernels' output", name, reference.run(shaped).reshape(-1), clip.output)
    for other in answers[1:]:
        _require_equal("the first output", name, clip.output, other.output)
    return clip


def _require_equal(what: str, name: str, expected: NDArray[np.int8], received: NDArray[np.int8]) -> None:
    if not np.array_equal(expected, received):
        raise MismatchError(
            f"the board's answer to {name} is not {what}, on a line without faults: "
            f"expected {_short(expected)}. Received: {_short(received)}",
            hint="the line is not to blame; asc-kit bench shows the difference",
        )


def _short(values: Sequence[int] | NDArray[np.int8]) -> str:
    return " ".join(str(int(value)) for value in values[:8])
