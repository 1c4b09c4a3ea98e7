"""``asc-kit export``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from asc_kit.cli import invoke


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="BUNDLE", help="Folder of the bundle to write."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the data set, if it was moved since training.",
)
@click.option(
    "--representative",
    type=click.IntRange(min=0),
    metavar="N",
    help="Training clips that set the activation ranges; default: 100.",
)
@click.option("--board", metavar="NAME", help="Also write firmware for this board.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def export(
    run: Path, out: Path, data: Path | None, representative: int | None, board: str | None, as_json: bool
) -> Path:
    """Quantize a run to int8 and write a bundle."""
    from asc_kit.board import load_board
    from asc_kit.console import console
    from asc_kit.evaluation import headline
    from asc_kit.records import to_plain
    from asc_kit.run import Run

    from .bundling import DEFAULT_REPRESENTATIVE, export_run

    if board is not None:
        load_board(board)  # an unknown board must show before the work, not after it
    opened = Run.open(run)
    count = representative if representative is not None else DEFAULT_REPRESENTATIVE
    manifest = export_run(opened, out, data, count)
    provenance = manifest.provenance
    (figure, of_float), (_, of_int8) = headline(provenance.metrics_float), headline(provenance.metrics_int8)
    console.print(
        f"bundle {out}: {manifest.name}, {figure} float {of_float:.2%}, int8 {of_int8:.2%} "
        f"on {provenance.metrics_int8.clips:,} test clips; "
        f"ranges from {provenance.representative_clips} training clips",
        soft_wrap=True,
        markup=False,
    )
    if as_json:
        click.echo(json.dumps(to_plain(manifest), indent=2, ensure_ascii=False))
    if board is not None:
        invoke("firmware", bundle=out, board=board)
    return out
