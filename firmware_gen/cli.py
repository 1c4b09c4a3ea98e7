"""``asc-kit firmware``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--board", required=True, metavar="NAME", help="The board. See: asc-kit boards.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder to write.  [default: BUNDLE/firmware/NAME]"
)
@click.option("--build/--no-build", default=False, help="Compile the image too.  [default: --no-build]")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as one JSON document on stdout.")
def firmware(bundle: Path, board: str, out: Path | None, build: bool, as_json: bool) -> Path:
    """Write firmware for a board: C99 of the network and its front end, and the protocol server around them."""
    from asc_kit.board import load_board
    from asc_kit.bundle import Bundle
    from asc_kit.console import console
    from asc_kit.records import to_plain

    from .generate import generate

    spec = load_board(board)
    folder = out if out is not None else bundle / "firmware" / spec.name
    manifest = generate(Bundle.open(bundle), spec, folder, compile_it=build)
    memory = manifest.memory
    code = f", code {memory.code_bytes:,}" if memory.code_bytes is not None else ""
    console.print(
        f"firmware {folder}: {len(manifest.operators)} operators, arena {memory.arena_bytes:,} bytes, "
        f"weights {memory.weight_bytes:,}{code}, id {manifest.firmware_id}",
        soft_wrap=True,
        markup=False,
    )
    if as_json:
        click.echo(json.dumps(to_plain(manifest), indent=2, ensure_ascii=False))
    return folder
