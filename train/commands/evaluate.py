"""``asc-kit evaluate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.options import layout_option
from asc_kit.cli.output import say_json

from .options import DATA, JSON, TRUST_CODE

if TYPE_CHECKING:
    from asc_kit.bundle import VariantName
    from asc_kit.dataset import Layout

    from ..evaluation.assessment import Subject

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("models", metavar="RUN|BUNDLE...", type=_PATH, nargs=-1, required=True)
@DATA
@layout_option
@click.option("--split", help="Split to evaluate on, or 'all'.  [default: the run's test split, or the data set's]")
@click.option(
    "--variant",
    type=click.Choice(["float16", "dynamic_range"]),
    help="Evaluate this form of a bundle's network instead of int8, with this machine's own kernels.",
)
@click.option("--out", type=_PATH, metavar="DIR", help="Folder for evaluation.json, evaluation.md and pictures.")
@click.option(
    "--predictions", type=_PATH, metavar="CSV", help="Write each clip's probabilities, of one model, to this file."
)
@click.option("--unlabelled", is_flag=True, help="With --predictions: DIR is a folder of recordings without labels.")
@click.option("--checkpoints", is_flag=True, help="Evaluate every checkpoint of a run, into files in --out.")
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True, metavar="K",
    help="Only every K-th checkpoint, and the last.",
)  # fmt: skip
@TRUST_CODE
@JSON
def evaluate(
    models: tuple[Path, ...],
    data: Path,
    layout: Layout | None,
    split: str | None,
    variant: VariantName | None,
    out: Path | None,
    predictions: Path | None,
    unlabelled: bool,
    checkpoints: bool,
    every: int,
    trust_code: bool,
    as_json: bool,
) -> None:
    """Evaluate runs (float) and bundles (int8, reference kernels) by class and by recording device.

    Several models are compared side by side, with mean and standard deviation over runs that differ only in their seed.
    """
    if (predictions is not None or checkpoints) and len(models) > 1:
        raise click.UsageError("--predictions and --checkpoints take one model")
    if unlabelled and (predictions is None or split is not None or layout is not None or out is not None):
        raise click.UsageError("--unlabelled needs --predictions, and goes without --split, --layout and --out")
    if checkpoints and (out is None or predictions is not None):
        raise click.UsageError("--checkpoints needs --out, and goes without --predictions")
    if trust_code and not checkpoints:
        raise click.UsageError("--trust-code goes with --checkpoints: nothing else needs the code of a run")
    if every != 1 and not checkpoints:
        raise click.UsageError("--every goes with --checkpoints")
    from ..evaluation.assessment import open_subject

    subjects = [open_subject(path, variant) for path in models]
    if variant is not None and all(subject.kind == "float" for subject in subjects):
        raise click.UsageError("--variant is for bundles: a run has only its float network")
    if unlabelled:
        assert predictions is not None
        _predict_unlabelled(subjects[0], data, predictions)
    elif checkpoints:
        assert out is not None
        _evaluate_checkpoints(subjects[0], data, layout, split, out, every, trust_code, as_json)
    else:
        _evaluate(subjects, data, layout, split, out, predictions, as_json)


def _evaluate(
    subjects: Sequence[Subject],
    data: Path,
    layout: Layout | None,
    split: str | None,
    out: Path | None,
    predictions: Path | None,
    as_json: bool,
) -> None:
    from asc_kit import __version__
    from asc_kit.process.console import console, print_line
    from asc_kit.scores.evaluation import evaluation_of

    from ..evaluation.assessment import Recordings, labelled_clips
    from ..evaluation.document import build_document
    from ..evaluation.files import write_evaluation, write_predictions
    from ..evaluation.summary import show_evaluation
    from ..evaluation.tables import comparison_tables

    dataset = labelled_clips(data, split, subjects, layout)
    for folder in (out, predictions.parent if predictions is not None else None):
        if folder is not None:
            _make_folder(folder)
    _check_free(out, predictions)
    recordings = Recordings(dataset)
    results = []
    for subject in subjects:
        scores = subject.score(recordings)
        results.append((subject, evaluation_of(dataset, scores, subject.labels, subject.heard)))
        if predictions is not None:
            write_predictions(predictions, dataset, subject.labels, scores)
            print_line(f"predictions: {predictions}")
    document = build_document(results, __version__)
    if len(subjects) == 1:
        show_evaluation(results[0][1], subjects[0].title)
    else:
        # a column takes ten characters or so, the names of the models thirty
        for table in comparison_tables(document, columns=max(0, console.width - 50) // 10):
            console.print(table.to_rich(console.width))
    if out is not None:
        for path in write_evaluation(document, out):
            print_line(f"wrote {path}")
    if as_json:
        shown = results[0][1] if len(subjects) == 1 else document
        say_json(shown)


def _predict_unlabelled(subject: Subject, data: Path, predictions: Path) -> None:
    from asc_kit.process.console import print_line

    from ..evaluation.assessment import Recordings, unlabelled_clips
    from ..evaluation.files import write_predictions

    dataset = unlabelled_clips(data, subject)
    _check_free(None, predictions)
    write_predictions(predictions, dataset, subject.labels, subject.score(Recordings(dataset)))
    print_line(f"predictions of {len(dataset.clips):,} recordings: {predictions}")


def _evaluate_checkpoints(
    subject: Subject,
    data: Path,
    layout: Layout | None,
    split: str | None,
    out: Path,
    every: int,
    trust_code: bool,
    as_json: bool,
) -> None:
    from asc_kit.errors import SpecError
    from asc_kit.process.console import console, print_line
    from asc_kit.records.record import to_plain
    from asc_kit.run import Run
    from asc_kit.scores.evaluation import headline

    from ..evaluation.assessment import Recordings, labelled_clips
    from ..evaluation.checkpoints import checkpoints_of, evaluate_checkpoints
    from ..evaluation.summary import show_evaluation

    if subject.kind != "float":
        raise SpecError(f"{subject.path} is a bundle: only a run has checkpoints", hint="give the run")
    run = Run.open(subject.path)
    checkpoints_of(run, every)  # that there are none must show before the recordings are read
    dataset = labelled_clips(data, split, [subject], layout)
    windows = Recordings(dataset).windows(run.manifest.frontend, run.manifest.hop_samples)
    records = []
    for record, was_there in evaluate_checkpoints(run, dataset, windows, out, every, trust_code=trust_code):
        records.append(record)
        figure, value = headline(record.evaluation)
        loss = f"log loss {record.evaluation.log_loss:.3f}"
        console.print(f"epoch {record.epoch:4d}  {figure} {100 * value:6.2f} %  {loss}{'  (was there)' * was_there}")
    best = max(records, key=lambda record: headline(record.evaluation)[1])
    show_evaluation(best.evaluation, f"{subject.title}, best checkpoint: epoch {best.epoch}")
    print_line(f"records and logs: {out}")
    if as_json:
        say_json([to_plain(record) for record in records])


def _make_folder(folder: Path) -> None:
    """Make the folder of results, before hours of evaluation rather than after."""
    from asc_kit.errors import AscKitError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise AscKitError(f"no folder {folder} can be made: {failure}", hint="choose another") from failure


def _check_free(out: Path | None, predictions: Path | None) -> None:
    """Refuse to replace the user's files, before hours of evaluation rather than after."""
    from asc_kit.outputs import check_file, check_output

    from ..evaluation.files import EVALUATION, PREDICTIONS

    if out is not None:
        check_output(out, EVALUATION)
    if predictions is not None:
        check_file(predictions, PREDICTIONS)
