"""Boards and parts on which a network fits, as far as that is known before it is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from asc_kit.hardware.board import Arithmetic, Board, KernelSetName, survey_boards
from asc_kit.hardware.part import part_names
from asc_kit.hardware.target import part_target
from asc_kit.stages import EngineNeeds, firmware_stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A network and a board or a part."""

    name: str
    """Name of the board or the part."""
    kind: str
    """Kind of target: board or part."""
    core: str
    """Its core, for people."""
    flash_bytes: int
    """Constants that go into its flash; code comes to them."""
    ram_bytes: int
    """State and stack."""
    has_flash_bytes: int | None
    """Its flash; None where it is not known."""
    has_ram_bytes: int | None
    """Its RAM; None where it is not limited."""
    constants_fit: bool
    """Whether weights fit a memory of their own, where it has one."""

    @property
    def fits(self) -> bool:
        """Whether it fits."""
        flash = self.has_flash_bytes is None or self.flash_bytes <= self.has_flash_bytes
        return flash and self.constants_fit and (self.has_ram_bytes is None or self.ram_bytes <= self.has_ram_bytes)


def find_fits(model: Path) -> Iterator[Fit]:
    """Yield all valid boards, then all parts.

    Parameters
    ----------
    model
        Folder of a bundle, or a .tflite file.

    Raises
    ------
    AscKitError
        When the engine does not take the model.
    """

    @cache
    def needs(kernels: KernelSetName, frontend: Arithmetic) -> EngineNeeds:
        return firmware_stage().engine_needs(model, kernels, frontend)

    for board in survey_boards().values():
        if isinstance(board, Board):
            yield _fit_board(board, needs(board.kernel_sets[0], board.frontend))
    for name in part_names():
        target = part_target(name)
        need = needs(target.kernels, target.frontend)
        part = target.part
        yield Fit(
            name=name,
            kind="part",
            core=target.core.title,
            flash_bytes=need.weight_bytes + need.frontend_table_bytes,
            ram_bytes=need.state_bytes + need.stack_bytes,
            has_flash_bytes=part.flash.flash_bytes if part is not None and part.flash is not None else None,
            has_ram_bytes=part.ram_bytes if part is not None else None,
            constants_fit=True,
        )


def _fit_board(board: Board, need: EngineNeeds) -> Fit:
    memory = board.memory
    apart = memory.constants_bytes if memory is not None else 0
    return Fit(
        name=board.name,
        kind="board",
        core=board.core.title,
        flash_bytes=need.frontend_table_bytes + (0 if apart else need.weight_bytes),
        # a board's stack has the size that its description says
        ram_bytes=need.state_bytes + (memory.stack_bytes if memory is not None else need.stack_bytes),
        has_flash_bytes=memory.flash_bytes if memory is not None else None,
        has_ram_bytes=memory.ram_bytes if memory is not None else None,
        constants_fit=not apart or need.weight_bytes <= apart,
    )
