"""The state of a training, from which it continues after an interruption.

One file, written whole or not at all. A resumed training ends with the same weights as an uninterrupted training.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import ConfigDict, Field

from asc_kit.errors import AscKitError, SpecError
from asc_kit.records.fields import Amount, Count, Epochs, Figure, NotNegative, Real, Seconds
from asc_kit.records.record import STRICT, parse_record, to_plain, write_bytes

# short trainings (the demo) finish before the first checkpoint
_INTERVAL_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """A line of a training's history."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    epoch: Epochs
    """Number of the epoch, from 1."""
    learning_rate: NotNegative
    """Learning rate at its end."""
    loss: Real
    """Mean loss over its windows."""
    accuracy: Figure
    """Share of its augmented windows whose likeliest class was right during training, 0 to 1."""
    seconds: Seconds
    """Wall time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a training."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    history: Annotated[tuple[Epoch, ...], Field(max_length=1_000_000)] = ()
    """Completed epochs."""
    step: Count = 0
    """Completed steps of the next epoch."""
    loss_sum: Real = 0.0
    """Sum of the losses of these steps."""
    hits: Amount = 0.0
    """Number of windows in these steps whose likeliest class was right."""
    seconds: Seconds = 0.0
    """Wall time of these steps, in seconds."""


class Checkpoint:
    """The checkpoint of one training.

    Parameters
    ----------
    path
        The file.
    identity
        Fingerprint of recipe, seed and data: only the same training may continue from it.
    interval_s
        Least time between two writings, in seconds.
    """

    def __init__(self, path: Path, identity: str, interval_s: float = _INTERVAL_S) -> None:
        self.path = path
        self.identity = identity
        self.interval_s = interval_s
        self._written = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether the interval since the last writing is over."""
        return time.monotonic() - self._written >= self.interval_s

    def save(self, variables: Sequence[Any], progress: Progress) -> None:
        """Write the variables of model and optimizer as they are between two steps.

        Raises
        ------
        AscKitError
            If they cannot be written; the file then stays as it was.
        """
        note = json.dumps({"identity": self.identity, "progress": to_plain(progress)})
        arrays = {f"v{index:04d}": np.asarray(variable) for index, variable in enumerate(variables)}
        buffer = io.BytesIO()
        np.savez(buffer, note=np.array(note), **arrays)  # type: ignore[arg-type]
        try:
            write_bytes(self.path, buffer.getvalue())
        except OSError as failure:
            kept = "the one before is kept: make room, then go on with --resume" if self.path.exists() else "make room"
            raise AscKitError(f"checkpoint {self.path} cannot be written: {failure}", hint=kept) from failure
        self._written = time.monotonic()

    def restore(self, variables: Sequence[Any]) -> Progress:
        """Set the variables from the file; return the progress of the training.

        Raises
        ------
        SpecError
            If there is no such file, or it belongs to another training.
        """
        hint = "remove that folder and leave --resume out to start from the beginning"
        try:
            with np.load(self.path) as arrays:
                note = json.loads(str(arrays["note"]))
                values = [arrays[name] for name in sorted(arrays.files) if name != "note"]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as failure:
            raise SpecError(f"checkpoint {self.path} cannot be read: {failure}", hint=hint) from failure
        shapes = [tuple(value.shape) for value in values]
        if note["identity"] != self.identity or shapes != [tuple(variable.shape) for variable in variables]:
            raise SpecError(
                f"checkpoint {self.path} belongs to another training: recipe, seed and data must be the same",
                hint=f"its recipe is {self.path.with_name('recipe.toml')}; {hint}",
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return parse_record(Progress, note["progress"], where=str(self.path))
