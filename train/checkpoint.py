"""Where a long training stands, so that it can go on after an interruption.

One file beside the run folder, ``RUN.checkpoint.npz``, written whole or not at all and removed when the run is
complete. A training that goes on from it ends with the same weights as one that was never interrupted.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import ConfigDict

from asc_kit.errors import SpecError
from asc_kit.records import STRICT, parse_record, write_bytes

# short trainings (the demo) finish before they would write one
_INTERVAL_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One line of a training's history."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    epoch: int
    """From 1."""
    learning_rate: float
    """At its end."""
    loss: float
    """Mean over its clips."""
    accuracy: float
    """Share of its augmented clips classified rightly while the weights moved, 0 to 1."""
    seconds: float
    """Wall time."""


class Checkpoint:
    """The checkpoint of one training.

    Parameters
    ----------
    path
        The file.
    identity
        Fingerprint of recipe, seed and data: only the same training may go on from it.
    interval_s
        Least time from one writing to the next, in seconds.
    """

    def __init__(self, path: Path, identity: str, interval_s: float = _INTERVAL_S) -> None:
        self.path = path
        self.identity = identity
        self.interval_s = interval_s
        self.saved = False
        """Whether this training has written it."""
        self._written = time.monotonic()

    def save(self, variables: Sequence[Any], history: Sequence[Epoch]) -> None:
        """Write the variables of model and optimizer after an epoch, unless the last writing is recent."""
        if time.monotonic() - self._written < self.interval_s:
            return
        note = json.dumps({"identity": self.identity, "history": [asdict(epoch) for epoch in history]})
        arrays = {f"v{index:04d}": np.asarray(variable) for index, variable in enumerate(variables)}
        buffer = io.BytesIO()
        np.savez(buffer, note=np.array(note), **arrays)  # type: ignore[arg-type]
        write_bytes(self.path, buffer.getvalue())
        self._written = time.monotonic()
        self.saved = True

    def restore(self, variables: Sequence[Any]) -> list[Epoch]:
        """Set the variables from the file; gives the history up to there.

        Raises
        ------
        SpecError
            When there is no such file, or it belongs to another training.
        """
        hint = "leave --resume out to start from the beginning"
        if not self.path.is_file():
            raise SpecError(f"there is no checkpoint {self.path} to go on from", hint=hint)
        try:
            with np.load(self.path) as arrays:
                note = json.loads(str(arrays["note"]))
                values = [arrays[name] for name in sorted(arrays.files) if name != "note"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as failure:
            raise SpecError(f"checkpoint {self.path} cannot be read: {failure}", hint=hint) from failure
        if note["identity"] != self.identity or len(values) != len(variables):
            raise SpecError(
                f"checkpoint {self.path} belongs to another training: recipe, seed and data must be the same",
                hint=hint,
            )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return parse_record(list[Epoch], note["history"], where=str(self.path))

    def remove(self) -> None:
        """Remove the file: the run is complete."""
        self.path.unlink(missing_ok=True)
