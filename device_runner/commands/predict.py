"""``asc-kit predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from asc_kit.cli.output import say, say_json
from asc_kit.errors import AscKitError

from .options import LIKELY, check_threshold, threshold_option, variant_option

if TYPE_CHECKING:
    from asc_kit.bundle import VariantName


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE...")
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

    The command prints one line per FILE, separated by TAB: file, label, probability, and with --top further labels and
    probabilities. Recordings may have any rate and length: probabilities are means over windows, which overlap by half
    unless the bundle says otherwise. If recordings may have several labels, all likely labels are listed.
    """
    if variant is not None and kernels == "reference":
        raise click.UsageError("--kernels reference runs the int8 network: leave out --kernels or --variant")
    from asc_kit.bundle import Bundle

    from ..classifier import SceneClassifier
    from ..predict import predict_file

    opened = Bundle.open(bundle)
    is_tagging = check_threshold(opened.manifest, threshold)
    if threshold is None:
        threshold = LIKELY if is_tagging and top is None else 0.0
    if top is None and not is_tagging:
        top = 1
    classifier = SceneClassifier(opened, kernels, variant)
    results: list[dict[str, object]] = []
    failed = 0
    for path in files:
        try:
            answer = predict_file(classifier, path, top=top, threshold=threshold)
        except AscKitError as failure:
            failed += 1
            results.append({"file": str(path), "error": failure.message})
            say(f"{failure.message}", err=True)
            continue
        for doubt in answer.doubts:
            say(f"Warning: {path}: {doubt.says}", err=True)
        label, probability = answer.likeliest
        results.append(
            {
                "file": str(path),
                "label": label,
                "probability": probability,
                "seconds": answer.seconds,
                "windows": answer.windows,
                "top": [{"label": name, "probability": p} for name, p in answer.ranking],
                "warnings": [{"kind": doubt.kind, "says": doubt.says} for doubt in answer.doubts],
            }
        )
        if not as_json:
            say("\t".join([str(path), *(f"{name}\t{p:.3f}" for name, p in answer.ranking)]))
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
