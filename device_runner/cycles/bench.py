"""``bench --estimate-cycles``: run a clip of the benchmark once more, traced by the plugin."""

from __future__ import annotations

from pathlib import Path

from asc_kit.bundle import Bundle
from asc_kit.dataset import Dataset
from asc_kit.errors import BoardError
from asc_kit.firmware import FirmwareManifest
from asc_kit.hardware.board import Board
from asc_kit.hardware.part import PartSpec, load_part
from asc_kit.process.console import console
from asc_kit.records.record import write_json

from ..bench.measurement import Measurement
from ..line.session import Session
from .plugin import why_not
from .report import CYCLES, cost_table, cycles_record, summary_table
from .tracing import check_cores, estimate_run, parts_of


def chosen_parts(board: Board, part: str | None) -> tuple[PartSpec, ...]:
    """Return the named part, or all parts with the board's core.

    Raises
    ------
    BoardError
        If there is no such part, or if it has another core.
    """
    if part is not None and board.part is not None and part == board.part.name:
        parts: tuple[PartSpec, ...] = (board.part,)
    else:
        parts = parts_of(board) if part is None else (load_part(part),)
    check_cores(board, parts)
    if not parts:
        raise BoardError(
            f"the kit knows no part with a {board.core.title}", hint="name your own part with --part FILE.toml"
        )
    return parts


def show_cycles(
    board: Board,
    parts: tuple[PartSpec, ...],
    bundle: Bundle,
    dataset: Dataset,
    firmware: tuple[Path, FirmwareManifest],
    out: Path,
) -> None:
    """Estimate the cycles of an inference, show them, and write ``cycles.json``; or say why that is impossible.

    Parameters
    ----------
    board, parts
        The emulated board, and the parts to estimate for.
    bundle, dataset
        The network, and the data set whose first clip is run.
    firmware
        The firmware's folder and its manifest.
    out
        Folder for the record.
    """
    reason = why_not(board)
    if reason is not None:
        console.print(f"Cycles cannot be estimated here, instructions stay: {reason}", soft_wrap=True, markup=False)
        return
    folder, manifest = firmware
    assert manifest.image is not None
    measurement = Measurement(bundle=bundle, dataset=dataset, mode="features")
    features = measurement.reference_input(measurement.windows(0)[0])

    def work(session: Session) -> None:
        session.write_input(features)
        session.run(macs=bundle.manifest.macs)

    record = cycles_record(
        estimate_run(board, folder / manifest.image, parts, work),
        manifest.operators,
        board=board.name,
        model_sha256=manifest.model_sha256,
        firmware_id=manifest.firmware_id,
    )
    write_json(out / CYCLES, record)
    console.print(summary_table(record))
    if len(record.parts) == 1:
        console.print(cost_table(record.parts[0], "operators"))
        console.print(cost_table(record.parts[0], "functions"))
    console.print(f"Cycles: {out / CYCLES}", soft_wrap=True, markup=False)
