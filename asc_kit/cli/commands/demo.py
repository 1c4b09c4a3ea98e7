"""``asc-kit demo``: the whole pipeline, by the commands that a user would type."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from asc_kit.bundle import Bundle
from asc_kit.cli.output import say
from asc_kit.hardware.board import load_board
from asc_kit.measurements import runs_folder
from asc_kit.process.console import console
from asc_kit.records.record import read_record
from asc_kit.result import RESULTS, BenchmarkResult
from asc_kit.scores.evaluation import Evaluation
from asc_kit.scores.tables import percent

RECIPE = "cp_mobile_micro"


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("asc-kit-demo"),
    show_default=True,
    help="Folder for everything the demo writes.",
)
@click.option(
    "--board",
    default="qemu-mps2-an386",
    show_default=True,
    metavar="BOARD",
    help="Board to measure on: a name, or a path.",
)
@click.option(
    "--clips",
    default=2000,
    show_default=True,
    metavar="N",
    help="Number of synthetic one-second clips.",
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Epochs of training.  [default: the recipe's]")
@click.option(
    "--audio-limit",
    type=click.IntRange(min=1),
    default=180,
    show_default=True,
    metavar="N",
    help="Number of test clips to stream to the board as audio.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    metavar="N",
    help="Seed of recordings and training.",
)
def demo(out: Path, board: str, clips: int, epochs: int | None, audio_limit: int, seed: int) -> None:
    """Run the whole pipeline on synthetic scenes and an emulated board.

    The demo makes recordings, trains, exports to int8, builds and boots firmware, streams the test clips over the
    serial line, and writes a report. A second run starts anew in the same folder.
    """
    name = load_board(board).name
    data, run, bundle = out / "data", out / "run", out / "bundle"
    epoch_options = ["--epochs", str(epochs)] if epochs is not None else []
    bench = ["bench", str(bundle), "--board", board, "--data", str(data)]
    stages: list[tuple[str, list[str]]] = [
        ("record", ["data", "synth", "--out", str(data), "--clips", str(clips), "--seed", str(seed)]),
        ("train", ["train", RECIPE, "--data", str(data), "--out", str(run), "--seed", str(seed), *epoch_options]),
        ("export", ["export", str(run), "--out", str(bundle), "--board", board]),
        ("bench features", [*bench, "--mode", "features"]),
        ("bench audio", [*bench, "--mode", "audio", "--limit", str(audio_limit)]),
    ]
    started = time.monotonic()
    count = len(stages) + 1
    for number, (title, arguments) in enumerate(stages, start=1):
        _do(f"[{number}/{count}]", title, arguments)
    # only the new measurements: those of earlier demos stay beside them
    results = {mode: _latest(runs_folder(bundle, name, mode)) for mode in ("features", "audio")}
    _do(f"[{count}/{count}]", "report", ["report", *map(str, results.values()), "-o", str(out / "report")])
    measured = {mode: read_record(BenchmarkResult, path) for mode, path in results.items()}
    console.print(_summary(Bundle.open(bundle), measured))
    say(f"done in {time.monotonic() - started:.0f} s; everything is in {out}:")
    for label, path in (
        ("recordings", data),
        ("training run", run),
        ("bundle", bundle),
        ("firmware", bundle / "firmware" / name),
        ("results, features", results["features"]),
        ("results, audio", results["audio"]),
        ("report", out / "report" / "index.html"),
    ):
        say(f"  {label:<18} {path}")


def _do(number: str, title: str, arguments: list[str]) -> None:
    console.print(f"[bold]{escape(number)} {title}[/]  [dim]asc-kit {escape(shlex.join(arguments))}[/]", soft_wrap=True)
    started = time.monotonic()
    _run(arguments)
    console.print(f"      {title} done in {time.monotonic() - started:.0f} s")


def _latest(runs: Path) -> Path:
    """Return the newest result, which `bench` has just written."""
    return max(runs.glob(f"*/{RESULTS}"))


def _run(arguments: list[str]) -> None:
    """Run a command of this kit in its own process; a failure or Ctrl-C there ends the demo too."""
    # -P: a folder named asc_kit in the current directory must not shadow the installed package. A process group of its
    # own: Ctrl-C reaches the command once, from here; a second one would interrupt its cleaning up.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "asc_kit", *arguments], stdout=subprocess.DEVNULL, process_group=0
    )
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
    if code == 130:
        raise KeyboardInterrupt
    if code != 0:
        raise click.exceptions.Exit(code)


def _summary(bundle: Bundle, measured: dict[str, BenchmarkResult]) -> Table:
    provenance = bundle.manifest.provenance
    features, audio = measured["features"], measured["audio"]
    table = Table(title=escape(f"{bundle.manifest.name} on {features.board}: accuracy, %"))
    table.add_column(no_wrap=True)
    for heading in ("clips", "all", "per scene", "seen devices", "unseen", "bit-exact"):
        table.add_column(heading, justify="right")
    for title, evaluation, exact in (
        ("float, host", provenance.metrics_float, ""),
        ("int8, host", provenance.metrics_int8, ""),
        ("board, features", features.evaluation, f"{features.bit_identical}/{features.clips}"),
        ("board, audio", audio.evaluation, f"{audio.bit_identical}/{audio.clips}"),
    ):
        assert isinstance(evaluation, Evaluation)  # the synthetic scenes have one class each
        groups = [
            percent(group.accuracy) if group else "" for group in (evaluation.seen_devices, evaluation.unseen_devices)
        ]
        means = (percent(evaluation.accuracy), percent(evaluation.macro_accuracy))
        table.add_row(title, str(evaluation.clips), *means, *groups, exact)
    latency, memory = features.latency, features.memory
    frontend = audio.latency.frontend
    lines = [f"network {latency.median:,.0f} {latency.unit} ({latency.median / bundle.manifest.macs:.2f} per MAC)"]
    if frontend:
        lines.append(f"front end {frontend.median:,.0f} {latency.unit} per clip")
        lines.append(
            f"board's features: {audio.feature_mismatch_share:.3%} differ from NumPy's, by {audio.feature_lsb_max} LSB "
            f"at most; same scene as the host on {audio.host_agreement}/{audio.clips} clips"
        )
    sizes = (
        ("arena", memory.arena_bytes),
        ("stack", memory.stack_bytes),
        ("code", memory.code_bytes),
        ("weights", memory.weight_bytes),
    )
    lines.append("bytes: " + ", ".join(f"{name} {size:,}" for name, size in sizes if size is not None))
    table.caption = "\n".join(lines)
    table.caption_justify = "left"
    return table
