"""``asc-kit predict``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from asc_kit.cli.output import say, say_json
from asc_kit.errors import AscKitError

from .demo_bundle import DEMO_WORDS, demo_option, open_bundle, open_demo
from .options import LIKELY, Seconds, check_threshold, pcm_option, threshold_option, variant_option
from .rows import CsvRows, Rows, TableRows, TabRows

if TYPE_CHECKING:
    from asc_kit.bundle import VariantName

    from ..classifier import SceneClassifier
    from ..predict import FilePrediction, Progress

# shorter recordings are done before anybody asks how far they are
_LONG_S = 120.0


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, metavar="FILE...")
@demo_option
@click.option(
    "--top",
    type=click.IntRange(min=1),
    metavar="K",
    help="Number of labels per recording.  [default: 1; if recordings may have several, all above --threshold]",
)
@threshold_option
@click.option(
    "--kernels", type=click.Choice(["fast", "reference"]), default="fast", show_default=True,
    help="reference computes bit for bit as a board does, but slower.",
)  # fmt: skip
@variant_option
@click.option("--every", type=Seconds(min=0.1), metavar="SECONDS", help="One row per so many seconds of a recording.")
@pcm_option
@click.option("--table", "as_table", is_flag=True, help="Print a table.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with a column per label.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def predict(
    bundle: Path | None,
    files: tuple[Path, ...],
    demo: bool,
    top: int | None,
    threshold: float | None,
    kernels: Literal["fast", "reference"],
    variant: VariantName | None,
    every: float | None,
    pcm: str | None,
    as_table: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Classify recordings on this machine.

    FILE is a recording of any rate and length, a folder of them, a FIFO, or - for standard input (WAV, or raw samples
    with --pcm). What libsndfile does not read (m4a, video) goes through ffmpeg, if that is installed.

    The command prints one line per recording, separated by TAB: file, label, probability, and with --top further labels
    and probabilities. Probabilities are means over windows, which overlap by half unless the bundle says otherwise;
    --every adds rows with the time in seconds. If recordings may have several labels, all likely labels are listed.
    """
    if sum((as_table, as_csv, as_json)) > 1:
        raise click.UsageError("--table, --csv and --json are three forms of one answer: choose one")
    if variant is not None and kernels == "reference":
        raise click.UsageError("--kernels reference runs the int8 network: leave out --kernels or --variant")
    if demo and bundle is not None:
        files = (bundle, *files)
    elif bundle is None:
        raise click.UsageError("Missing argument 'BUNDLE'.")
    if not files:
        raise click.UsageError("Missing argument 'FILE...'.")

    from ..classifier import SceneClassifier
    from ..media.pcm import read_format
    from ..predict import predict_file

    format = None if pcm is None else read_format(pcm)
    opened = open_demo() if demo else open_bundle(bundle)
    is_tagging = check_threshold(opened.manifest, threshold)
    if threshold is None:
        threshold = LIKELY if is_tagging and top is None else 0.0
    if top is None and not is_tagging:
        top = 1
    paths = _recordings(files)
    classifier = SceneClassifier(opened, kernels, variant)
    rows = _writer(as_table, as_csv, as_json, has_times=every is not None, labels=classifier.labels, is_demo=demo)
    results: list[dict[str, object]] = []
    failed = 0
    for path in paths:
        try:
            with _progress(path) as progress:
                answer = predict_file(
                    classifier, path, top=top, threshold=threshold, every_s=every, pcm=format, progress=progress
                )
        except AscKitError as failure:
            failed += 1
            results.append({"file": str(path), "error": failure.message})
            say(f"{failure.message}", err=True)
            if failure.hint is not None and len(paths) == 1:
                say(f"  Hint: {failure.hint}", err=True)
            continue
        for doubt in answer.doubts:
            say(f"Warning: {path}: {doubt.says}", err=True)
        results.append(_document(answer, classifier, top, threshold, has_periods=every is not None))
        for period in answer.periods:
            rows.write(path, period, classifier.ranking(period.probabilities, top, threshold))
    rows.close()
    if as_json:
        document = {
            "bundle": str(opened.path),
            "name": opened.manifest.name,
            "task": opened.manifest.task,
            "variant": variant,
            "model_sha256": classifier.model_sha256,
            "runtime": classifier.runtime,
            "kernels": kernels,
        }
        if demo:
            document["demo"] = DEMO_WORDS
        say_json(document | {"files": results})
    if failed:
        raise AscKitError(f"{failed} of {len(paths)} recordings could not be classified")


def _recordings(files: tuple[Path, ...]) -> list[Path]:
    """Return the recordings, those of folders in their place."""
    from ..media.finding import find_recordings

    paths: list[Path] = []
    for file in files:
        if not file.is_dir():
            paths.append(file)
            continue
        recordings, others = find_recordings(file)
        paths += recordings
        if others:
            say(f"{file}: {others} other file{'' if others == 1 else 's'} left out", err=True)
    return paths


@contextmanager
def _progress(path: Path) -> Iterator[Progress]:
    """Show how far a long recording is read, on a terminal."""
    from asc_kit.process.console import progress_bar

    with ExitStack() as stack:
        bar: tuple[Any, Any] | None = None

        def show(seconds: float, total: float | None) -> None:
            nonlocal bar
            if total is None or total < _LONG_S:
                return
            if bar is None:
                bar = stack.enter_context(progress_bar(f"{path.name}, seconds", round(total)))
            bar[0].update(bar[1], completed=min(round(seconds), round(total)))

        yield show


def _document(
    answer: FilePrediction, classifier: SceneClassifier, top: int | None, threshold: float, *, has_periods: bool
) -> dict[str, object]:
    label, probability = answer.likeliest
    document: dict[str, object] = {
        "file": str(answer.path),
        "label": label,
        "probability": probability,
        "seconds": answer.seconds,
        "windows": answer.windows,
        "top": [{"label": name, "probability": p} for name, p in answer.ranking],
        "warnings": [{"kind": doubt.kind, "says": doubt.says} for doubt in answer.doubts],
    }
    if has_periods:
        document["periods"] = [
            {
                "start_s": round(period.start_s, 3),
                "end_s": round(period.end_s, 3),
                "windows": period.windows,
                "top": [
                    {"label": name, "probability": p}
                    for name, p in classifier.ranking(period.probabilities, top, threshold)
                ],
            }
            for period in answer.periods
        ]
    return document


def _writer(
    as_table: bool, as_csv: bool, as_json: bool, *, has_times: bool, labels: tuple[str, ...], is_demo: bool
) -> Rows:
    if as_json:
        return Rows()
    if as_csv:
        return CsvRows(labels, is_demo)
    return TableRows(has_times, is_demo) if as_table else TabRows(has_times, is_demo)
