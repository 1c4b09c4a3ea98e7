"""The commands ``asc-kit submit pack`` and ``check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import DATA

if TYPE_CHECKING:
    from ..complexity.subject import Subject as Counted
    from ..evaluation.assessment import Subject

_PATH = click.Path(path_type=Path)
# written out, so that --help needs no import: they are submission.RULES
_YEAR = click.option("--year", type=click.Choice(("2022", "2024")), required=True, help="Year of the challenge.")


def _models(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Path]:
    models = {}
    for value in values:
        split, _, path = value.rpartition("=")
        name = f"split_{split}" if split else ""
        if not path or name in models:
            raise click.BadParameter(f"{value!r} is not PATH or SPLIT=PATH, each split once")
        models[name] = Path(path)
    return models


@click.group()
def submit() -> None:
    """Make and check submissions to the DCASE challenge, Task 1."""


@submit.command()
@_YEAR
@click.option(
    "--model", "models", multiple=True, required=True, callback=_models, metavar="[SPLIT=]RUN|BUNDLE",
    help="The model; for 2024 one for each split: --model 5=RUN --model 10=RUN … --model 100=RUN.",
)  # fmt: skip
@DATA
@click.option(
    "--evaluation", type=_PATH, required=True, metavar="DIR", help="Folder of the evaluation set's recordings."
)
@click.option("--meta", "meta_path", type=_PATH, required=True, metavar="TOML", help="Label, authors and description.")
@click.option("--out", type=_PATH, required=True, metavar="ZIP", help="The package to write.")
def pack(year: str, models: dict[str, Path], data: Path, evaluation: Path, meta_path: Path, out: Path) -> None:
    """Predict an evaluation set and write the package.

    It holds predictions and meta.yaml. DIR of --data is the development set; its test split gives the results in
    meta.yaml. The exit code is 4 if a model exceeds the year's limits.
    """
    from asc_kit.challenge_rules import check_rules, enforce, macs_per_second
    from asc_kit.outputs import OutputKind, check_file, write_file
    from asc_kit.process.console import print_line
    from asc_kit.records.record import read_record
    from asc_kit.scores.evaluation import Evaluation, evaluation_of

    from ..evaluation.assessment import Recordings, labelled_clips, open_subject, unlabelled_clips
    from ..submission import RULES, SystemFiles, build_package, check_package
    from ..submission.meta import SystemFigures, SystemMeta, meta_document
    from ..submission.package import in_scene_order

    rules, meta = RULES[year], read_record(SystemMeta, meta_path)
    wanted = {f"split_{split}" for split in rules.splits} or {""}
    if models.keys() != wanted:
        named = ", ".join(name.removeprefix("split_") or "no split" for name in models)
        expected = ", ".join(f"{split}=PATH" for split in rules.splits) or "one PATH"
        raise click.UsageError(f"--model names {named}. Expected for {year}: {expected}")
    kind = OutputKind(name="submission", command="asc-kit submit pack", option="--out", is_guest=True)
    check_file(out, kind)
    subjects = {split: open_subject(path) for split, path in models.items()}
    counted = {split: _count(subject) for split, subject in subjects.items()}
    for each in counted.values():
        enforce(check_rules(each.counts), [rules.year])
    development = Recordings(labelled_clips(data, None, list(subjects.values())))
    recordings = Recordings(unlabelled_clips(evaluation, next(iter(subjects.values()))))
    evaluations, probabilities = {}, {}
    for split, subject in subjects.items():
        found = evaluation_of(development.dataset, subject.score(development), subject.labels, subject.heard)
        assert isinstance(found, Evaluation)  # scenes: in_scene_order refuses the rest
        evaluations[split] = found
        probabilities[split] = in_scene_order(subject.score(recordings), subject.labels)
    largest = max(counted.values(), key=lambda each: each.counts.storage[0].parameter_bytes)
    macs = largest.counts.macs_2022 if year == "2022" else (largest.counts.float_macs or largest.counts.macs)
    figures = SystemFigures(
        sample_rate_hz=_sample_rate(next(iter(subjects.values()))),
        is_int8=largest.counts.storage[0].precision == "int8",
        parameter_bytes=largest.counts.storage[0].parameter_bytes,
        parameters=largest.counts.parameters,
        macs=macs_per_second(macs, largest.counts.seconds) if largest.counts.seconds else macs,
        evaluations=evaluations,
    )
    names = [Path(clip.filename).name for clip in recordings.dataset.clips]
    system = SystemFiles(
        label=meta.label, meta=meta_document(meta, figures, rules), filenames=names, probabilities=probabilities
    )
    package = build_package([system], rules)
    write_file(out, kind, package)
    print_line(f"{len(names):,} recordings: {out}")
    for problem in check_package(package, rules):
        print_line(f"to be mended before it is sent: {problem}")


@submit.command()
@click.argument("package", type=_PATH)
@_YEAR
@click.option(
    "--clips", type=click.IntRange(min=1),
    help="Number of recordings in the evaluation set.  [default: as many as the official set has, where it is known]",
)  # fmt: skip
def check(package: Path, year: str, clips: int | None) -> None:
    """Check a package: files, predictions, meta.yaml, limits.

    Every fault has a line. The exit code is 4 if there is any.
    """
    from asc_kit.errors import DataError, MismatchError
    from asc_kit.process.console import print_line

    from ..submission import RULES, check_package

    if not package.is_file():
        raise DataError(f"{package} is not a file. Expected: the ZIP file of a submission")
    problems = check_package(package.read_bytes(), RULES[year], clips)
    for problem in problems:
        print_line(problem)
    if problems:
        raise MismatchError(f"{package} has {len(problems)} faults", hint="mend them, and check it again")
    print_line(f"{package} is a valid package of {year}")


def _count(subject: Subject) -> Counted:
    from ..complexity.subject import count_bundle, count_run
    from ..tensorflow_start import start_tensorflow

    if subject.kind == "int8":
        return count_bundle(subject.path)
    start_tensorflow()
    return count_run(subject.path)


def _sample_rate(subject: Subject) -> int:
    from asc_kit.bundle import Bundle
    from asc_kit.run import Run

    opened = Bundle.open(subject.path) if subject.kind == "int8" else Run.open(subject.path)
    return opened.manifest.frontend.sample_rate_hz
