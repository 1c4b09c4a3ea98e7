"""The commands that need no board: ``predict``, ``live``, ``report``."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from asc_kit.cli.output import say, say_json
from asc_kit.errors import AscKitError

if TYPE_CHECKING:
    from asc_kit.bundle import BundleManifest, VariantName

    from ..listening.lines import Layout
    from ..listening.listener import Listener
    from ..listening.microphone import Microphone

_TOP = 3
# where each label stands for itself, from here on it is likelier than not
_LIKELY = 0.5


class _Seconds(click.FloatRange):
    """A time in seconds: a range alone lets ``nan`` through, and ``inf``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a length of time.", param, ctx)
        return seconds


_THRESHOLD = click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Where recordings may have several labels: those at least this likely; default: 0.5.",
)
_VARIANT = click.option(
    "--variant",
    type=click.Choice(["float16", "dynamic_range"]),
    help="Form of the network to run, of those the bundle has beside int8; not bit for bit what a board computes.",
)


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--top", type=click.IntRange(min=1), metavar="K", help="Labels per recording; default: 1, or --threshold."
)
@_THRESHOLD
@click.option(
    "--kernels", type=click.Choice(["fast", "reference"]), default="fast", show_default=True,
    help="reference: bit for bit what a board computes; slower.",
)  # fmt: skip
@_VARIANT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def predict(
    bundle: Path,
    files: tuple[Path, ...],
    top: int | None,
    threshold: float | None,
    kernels: Literal["fast", "reference"],
    variant: VariantName | None,
    as_json: bool,
) -> None:
    """Classify recordings on this machine.

    One line per FILE, columns separated by TAB: file, label, probability (and the next ones with --top). Recordings
    may have any rate and length: the answer is the mean over windows, which overlap by half if the bundle does not
    say otherwise. Where a recording may have several labels, all likely ones are listed.
    """
    if variant is not None and kernels == "reference":
        raise click.UsageError("--kernels reference is for the int8 network: leave it out, or --variant")
    from asc_kit.bundle import Bundle

    from ..classifier import SceneClassifier
    from ..predict import predict_file

    opened = Bundle.open(bundle)
    is_tagging = _check_threshold(opened.manifest, threshold)
    if threshold is None:
        threshold = _LIKELY if is_tagging and top is None else 0.0
    if top is None and not is_tagging:
        top = 1
    classifier = SceneClassifier(opened, kernels, variant)
    results: list[dict[str, object]] = []
    failed = 0
    for path in files:
        try:
            found = predict_file(classifier, path, top=top, threshold=threshold)
        except AscKitError as failure:
            failed += 1
            results.append({"file": str(path), "error": failure.message})
            say(f"{failure.message}", err=True)
            continue
        for doubt in found.doubts:
            say(f"Warning: {path}: {doubt.says}", err=True)
        label, probability = found.likeliest
        results.append(
            {
                "file": str(path),
                "label": label,
                "probability": probability,
                "seconds": found.seconds,
                "windows": found.windows,
                "top": [{"label": name, "probability": p} for name, p in found.ranking],
                "warnings": [{"kind": doubt.kind, "says": doubt.says} for doubt in found.doubts],
            }
        )
        if not as_json:
            say("\t".join([str(path), *(f"{name}\t{p:.3f}" for name, p in found.ranking)]))
    if as_json:
        document = {
            "bundle": str(bundle),
            "name": opened.manifest.name,
            "task": opened.manifest.task,
            "variant": variant,
            "model_sha256": classifier.model_sha256,
            "runtime": classifier.runtime,
            "kernels": kernels,
            "files": results,
        }
        say_json(document)
    if failed:
        raise AscKitError(f"{failed} of {len(files)} recordings could not be classified")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option("--device", metavar="NAME|INDEX", help="Microphone: its number, its name or a part of it.")
@click.option("--hop", type=_Seconds(min=0.05), metavar="SECONDS", help="From line to line; default: the bundle's.")
@_THRESHOLD
@_VARIANT
@click.option("--duration", type=_Seconds(min=0, min_open=True), metavar="SECONDS", help="Stop after so long.")
@click.option("--list-devices", is_flag=True, help="List the microphones and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def live(
    bundle: Path | None,
    device: str | None,
    hop: float | None,
    threshold: float | None,
    variant: VariantName | None,
    duration: float | None,
    list_devices: bool,
    as_json: bool,
) -> None:
    """Classify what the microphone hears, one line per hop, until Ctrl-C or --duration.

    The microphone is opened at its own rate and resampled as in training. What is no sound of a place (silence of a
    muted microphone, a frozen driver, clipping) is said and not classified. The last line counts windows and losses.
    """
    if list_devices:
        _list_devices(as_json)
        return
    if bundle is None:
        raise click.UsageError("Missing argument 'BUNDLE'.")
    from asc_kit.bundle import Bundle

    from ..classifier import SceneClassifier
    from ..listening.lines import Layout
    from ..listening.listener import Listener
    from ..listening.microphone import find_device, open_microphone

    opened = Bundle.open(bundle)
    is_tagging = _check_threshold(opened.manifest, threshold)
    likely = (_LIKELY if threshold is None else threshold) if is_tagging else None
    classifier = SceneClassifier(opened, variant=variant)
    frontend = opened.manifest.frontend
    chosen = find_device(device)
    with open_microphone(chosen, frontend.sample_rate_hz) as microphone:
        name = f"{opened.manifest.name}, {variant or 'int8'}, on {classifier.runtime}"
        _introduce(name, microphone, frontend.sample_rate_hz)
        listener = Listener(
            classifier,
            microphone.rate_hz,
            hop_s=hop or classifier.hop_samples / frontend.sample_rate_hz,
            duration_s=duration,
            top=len(opened.manifest.labels) if is_tagging else _TOP,
        )
        label_width = max(map(len, opened.manifest.labels))
        columns = shutil.get_terminal_size().columns
        _print_events(listener, microphone, as_json, Layout(label_width=label_width, columns=columns, threshold=likely))


def _introduce(name: str, microphone: Microphone, wanted_hz: int) -> None:
    """Say what listens, and to what."""
    from asc_kit.process.console import console

    channels = "1 channel" if microphone.channels == 1 else f"{microphone.channels} channels"
    source = "" if microphone.source is None else f" ({microphone.source.name})"
    console.print(
        f"{name}, microphone {microphone.device.index} {microphone.device.name!r}{source} "
        f"at {microphone.rate_hz} Hz, {channels}; Ctrl-C ends",
        markup=False,
    )
    if microphone.rate_hz < wanted_hz:
        console.print(
            f"Caution: the microphone hears nothing above {microphone.rate_hz // 2} Hz, and the network was trained "
            f"on sound up to {wanted_hz // 2} Hz. Another microphone: asc-kit live --list-devices",
            markup=False,
        )


def _print_events(listener: Listener, microphone: Microphone, as_json: bool, layout: Layout) -> None:
    """Print what happens as it happens, and the count of it all at the end, however it ends."""
    from ..listening.events import Heard, Unheard
    from ..listening.lines import event_document, happening_text, tally_document, tally_text, window_text
    from ..listening.listener import listen
    from ..listening.sound_source import SourceWatch

    def finish() -> None:
        seconds = listener.time_s
        if as_json:
            say_json(tally_document(listener.tally, seconds), indent=None)
        for line in tally_text(listener.tally, seconds, layout.columns).splitlines():
            say(line, err=True)

    try:
        with SourceWatch(microphone.source) as watch:
            for event in listen(listener, microphone.batches(), watch.state):
                if as_json:
                    say_json(event_document(event, listener.tally.overflows, layout.threshold), indent=None)
                elif isinstance(event, Heard | Unheard):
                    say(window_text(event, layout))
                if not isinstance(event, Heard | Unheard):
                    for line in happening_text(event, layout.columns).splitlines():
                        say(line, err=True)
    except (KeyboardInterrupt, AscKitError):
        finish()
        raise
    finish()


def _check_threshold(manifest: BundleManifest, threshold: float | None) -> bool:
    """Return whether recordings may have several labels; a threshold needs that."""
    is_tagging = manifest.task == "multi_label"
    if threshold is not None and not is_tagging:
        raise click.UsageError(f"--threshold is for several labels: to {manifest.name}, each recording has one class")
    return is_tagging


def _list_devices(as_json: bool) -> None:
    from dataclasses import asdict

    from ..listening.microphone import input_devices

    found = input_devices()
    if as_json:
        say_json([asdict(each) for each in found])
        return
    if not found:
        say("no microphone", err=True)
    for each in found:
        mark = "*" if each.is_default else " "
        details = f"{each.host_api}, {each.channels} channels, {each.default_rate_hz} Hz"
        say(f"{mark} {each.index:3d}  {each.name}  ({details})")


@click.command()
@click.argument("results", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="RESULTS...")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR",
    help="Folder to write: index.html and report.md.",
)  # fmt: skip
@click.option("--all", "every", is_flag=True, help="Of a folder take every measurement, not the newest ones alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def report(results: tuple[Path, ...], out: Path, every: bool, as_json: bool) -> Path:
    """Make a report from one or more results.json: a self-contained page and Markdown.

    Several results are compared side by side. Of a folder, such as results, all that lie in it and below are taken: of
    each bundle, board and mode the newest measurement that was not limited to a part of the clips.
    """
    from rich.markup import escape

    from asc_kit.process.console import console

    from ..report import read_results, write_report

    named = read_results(results, every=every)
    write_report(named, out)
    page, markdown = out / "index.html", out / "report.md"
    if as_json:
        say_json({"out": str(out), "html": str(page), "markdown": str(markdown), "results": len(named)}, indent=None)
    else:
        console.print(f"[green]✓[/] {escape(str(page))} and {escape(str(markdown))}", soft_wrap=True)
    return out
