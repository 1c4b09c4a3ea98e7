"""The logs of a running training: ``history.csv`` and TensorBoard's event files."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import tensorflow as tf

from asc_kit.records.record import write_text
from asc_kit.run import HISTORY, LOGS

from .checkpoint import Epoch


class RunLog:
    """The logs of one training.

    Parameters
    ----------
    folder
        The run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._events: Any = None

    def write(self, history: Sequence[Epoch]) -> None:
        """Write the history, and its new lines as scalars for TensorBoard."""
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(epoch) for epoch in history)
        write_text(self.folder / HISTORY, text.getvalue())
        new = history[-1:]
        if self._events is None:
            # a killed training may have logged epochs that are repeated now: write one curve, from the start
            shutil.rmtree(self.folder / LOGS, ignore_errors=True)
            self._events = tf.summary.create_file_writer(os.fspath(self.folder / LOGS))
            new = history
        for epoch in new:
            with self._events.as_default(step=epoch.epoch):
                for name in ("loss", "accuracy", "learning_rate"):
                    tf.summary.scalar(f"training/{name}", getattr(epoch, name))
        self._events.flush()

    def close(self) -> None:
        """Finish the event file."""
        if self._events is not None:
            self._events.close()
