"""Who is to blame when board and host differ: the line, the board's input, its front end or its network.

The protocol excludes the **line**: RUN carries digests over the whole input and output, and a clip with a wrong digest
is repeated and never judged. So every difference here comes from the board. The window is sent again and its input read
back before the network runs:

1. On features, the input read back differs from the input sent: the **input**, the board's memory or its code for it.
2. On audio, the features differ from the reference by more than the tolerance: the **front end**.
3. The output differs from the reference kernels' output on the input read back: the **network**.

A difference that does not occur again is not reproducible, and is blamed on the part that was wrong the first time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.inference.interpreter import Int8Model
from asc_kit.result import FEATURE_TOLERANCE_LSB, ClipDifference


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """A window on a board and on the host."""

    wanted_input: NDArray[np.int8]
    """The host's own features, shape of the model's input."""
    board_input: NDArray[np.int8]
    """Input of the board's network: its own features, or the features sent."""
    output: NDArray[np.int8]
    """Output of the board, shape [n_labels]."""
    host_output: NDArray[np.int8]
    """Output of the host, from its own features."""
    same_input_output: NDArray[np.int8]
    """Output of the host, from the board's features."""
    network_time: int
    """Timer counts of the network."""
    frontend_time: int
    """Timer counts of the front end."""

    @property
    def distance(self) -> NDArray[np.int16]:
        """Distances of the board's int8 features from the host's."""
        return distance_of(self.board_input, self.wanted_input)

    @property
    def is_bit_identical(self) -> bool:
        """Whether the board's output equals the reference kernels' on its input."""
        return np.array_equal(self.output, self.same_input_output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """The same window sent again."""

    board_input: NDArray[np.int8]
    """The board's input, read back before the network ran."""
    output: NDArray[np.int8]
    """The board's output."""
    is_audio: bool
    """Whether audio was sent, and the input are the board's own features."""


def distance_of(features: NDArray[np.int8], wanted: NDArray[np.int8]) -> NDArray[np.int16]:
    """Return the distances of int8 features, in quantization steps."""
    return np.abs(features.astype(np.int16) - wanted.astype(np.int16))


def explain(window: int, first: Inference, again: Repetition, reference: Int8Model) -> Sequence[ClipDifference]:
    """Find out which side differs, from a window that differed and its repetition."""
    board_input, output = again.board_input, again.output
    differences: list[ClipDifference] = []
    if again.is_audio:
        differences += _features(window, first, board_input)
    elif not np.array_equal(board_input, first.wanted_input):
        differences.append(_input(window, first, board_input, is_same=np.array_equal(output, first.output)))
        if np.array_equal(output, reference.run(board_input).reshape(-1)):
            # a wrong output from a wrong input is no fault of the network
            return differences
    if not first.is_bit_identical:
        differences.append(_network(window, first, output, reference.run(board_input).reshape(-1)))
    return differences


def _input(window: int, first: Inference, board_input: NDArray[np.int8], *, is_same: bool) -> ClipDifference:
    wrong = np.flatnonzero(board_input != first.wanted_input)
    text = f"{len(wrong)} of {board_input.size} values read back are not those that were sent, the first at {wrong[0]}"
    return ClipDifference(window=window, side="input", reproducible=is_same, text=text)


def _features(window: int, first: Inference, board_input: NDArray[np.int8]) -> list[ClipDifference]:
    distance = first.distance
    if distance.max() <= FEATURE_TOLERANCE_LSB:
        return []
    far = np.count_nonzero(distance > FEATURE_TOLERANCE_LSB)
    text = (
        f"{far} of {distance.size} features are off by more than {FEATURE_TOLERANCE_LSB} LSB, by up to {distance.max()}"
    )
    is_same = np.array_equal(board_input, first.board_input)
    if not is_same:
        again = int(distance_of(board_input, first.wanted_input).max())
        text += f"; of the same audio once more by up to {again}"
    return [ClipDifference(window=window, side="front_end", reproducible=is_same, text=text)]


def _network(window: int, first: Inference, output: NDArray[np.int8], expected: NDArray[np.int8]) -> ClipDifference:
    steps = int(distance_of(first.output, first.same_input_output).max())
    text = f"outputs are off by up to {steps} steps on the input that was read back"
    if np.array_equal(output, expected):
        text += "; the second time they were right"
    elif not np.array_equal(output, first.output):
        text += "; the second time they were others, and wrong again"
    return ClipDifference(window=window, side="network", reproducible=np.array_equal(output, first.output), text=text)
