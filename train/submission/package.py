"""The ZIP file of a submission; the same systems give the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from asc_kit.errors import DataError

from .rules import SCENES, SubmissionRules

# ZIP files begin to count here
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFiles:
    """A system of a submission."""

    label: str
    """Its label."""
    meta: Mapping[str, Any]
    """The document of its ``meta.yaml``."""
    filenames: Sequence[str]
    """Recordings of the evaluation set."""
    probabilities: Mapping[str, NDArray[np.float64]]
    """Split -> probabilities, shape [n_recordings, 10], columns as in `SCENES`; ``""`` where there is one model."""


def build_package(systems: Sequence[SystemFiles], rules: SubmissionRules) -> bytes:
    """Return the ZIP file with ``task1/LABEL/`` for each system."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for system in systems:
            for split, name in rules.output_names(system.label).items():
                text = predictions_text(system.filenames, system.probabilities[split])
                _add(archive, f"task1/{system.label}/{name}", text)
            text = yaml.safe_dump(dict(system.meta), sort_keys=False, allow_unicode=True)
            _add(archive, f"task1/{system.label}/{system.label}.meta.yaml", text)
    return stream.getvalue()


def predictions_text(filenames: Sequence[str], probabilities: NDArray[np.float64]) -> str:
    """Write a row per recording: its name, its likeliest scene and nine digits of each probability."""
    lines = ["\t".join(("filename", "scene_label", *SCENES))]
    for name, row in zip(filenames, probabilities, strict=True):
        lines.append("\t".join((name, SCENES[int(row.argmax())], *(f"{value:.9g}" for value in row))))
    return "\n".join(lines) + "\n"


def in_scene_order(probabilities: NDArray[np.float64], labels: Sequence[str]) -> NDArray[np.float64]:
    """Put a model's columns into the order of the challenge.

    Raises
    ------
    DataError
        If it names other scenes.
    """
    if set(labels) != set(SCENES):
        raise DataError(
            f"the model's classes are {', '.join(labels)}. Expected: {', '.join(SCENES)}",
            hint="train it on a TAU Urban Acoustic Scenes data set",
        )
    return probabilities[:, [labels.index(scene) for scene in SCENES]]


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    member = zipfile.ZipInfo(name, _DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    archive.writestr(member, text)
