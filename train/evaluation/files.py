"""The files of ``asc-kit evaluate --out`` and ``--predictions``; every file appears whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from asc_kit.dataset import Dataset
from asc_kit.outputs import OutputKind, write_file, write_files
from asc_kit.records.record import json_bytes
from asc_kit.scores.evaluation import Evaluation
from asc_kit.text import spreadsheet_cell

from .document import EvaluationDocument
from .tables import to_markdown

EVALUATION = OutputKind(
    name="evaluation", command="asc-kit evaluate", names=("evaluation.json", "evaluation.md"), is_guest=True
)
PREDICTIONS = OutputKind(name="predictions", command="asc-kit evaluate", option="--predictions", is_guest=True)


def write_evaluation(document: EvaluationDocument, out: Path) -> tuple[Path, ...]:
    """Write ``evaluation.json``, ``evaluation.md`` and the pictures of each model with one class per clip.

    Pictures of several models carry the model's number: ``confusion_1.png``. Other files in `out` stay;
    files of these names that no evaluation wrote are refused.
    """
    files = {"evaluation.json": json_bytes(document), "evaluation.md": to_markdown(document).encode()}
    for number, model in enumerate(document.models, start=1):
        evaluation = model.evaluation
        if not isinstance(evaluation, Evaluation):
            continue
        from .pictures import confusion_png, reliability_png

        suffix = f"_{number}" if len(document.models) > 1 else ""
        title = f"{model.name}, {model.kind}, seed {model.seed}, split {evaluation.split}"
        for name, draw in (("confusion", confusion_png), ("reliability", reliability_png)):
            files[f"{name}{suffix}.png"] = draw(evaluation, title)
    return write_files(out, EVALUATION, files)


def write_predictions(path: Path, dataset: Dataset, labels: Sequence[str], scores: NDArray[np.float64]) -> None:
    """Write a row of probabilities per clip, in the format of the challenge.

    With one class per clip, the format is that of DCASE Task 1: separated by TAB, ``filename scene_label`` and a column
    per class. With several labels it is Kaggle's (DCASE 2019 Task 2): separated by commas, ``fname`` and a column per
    label. Probabilities have nine significant digits, as float32 needs, so that no order is lost. Files are named
    without their folder, unless two would share a name.

    Parameters
    ----------
    path
        The file.
    dataset
        The clips.
    labels
        Names of the columns.
    scores
        Probabilities, shape [n_clips, n_labels].
    """
    names = [clip.filename for clip in dataset.clips]
    bare = [PurePosixPath(name).name for name in names]
    is_tagging = dataset.task == "multi_label"
    stream = io.StringIO(newline="")
    columns = [spreadsheet_cell(label) for label in labels]
    writer = csv.writer(stream, delimiter="," if is_tagging else "\t", lineterminator="\n")
    writer.writerow(["fname", *columns] if is_tagging else ["filename", "scene_label", *columns])
    for name, row in zip(bare if len(set(bare)) == len(bare) else names, scores, strict=True):
        likeliest = [] if is_tagging else [columns[int(row.argmax())]]
        writer.writerow([spreadsheet_cell(name), *likeliest, *(f"{value:.9g}" for value in row)])
    write_file(path, PREDICTIONS, stream.getvalue().encode())
