"""The memory map: where every block of the arena lies, and from which step to which, as a picture and as JSON."""

from __future__ import annotations

import io
import warnings
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from asc_kit.outputs import OutputKind, check_file, write_file
from asc_kit.pages import PALETTE
from asc_kit.records.record import json_bytes

from .arena import Block
from .plan import Plan

MEMORY_MAP = OutputKind(name="memory map", command="asc-kit --memory-map", option="--memory-map", is_guest=True)

_PICTURES = (".png", ".svg")
_COLOURS = {"input": PALETTE[2], "tensor": PALETTE[0], "lines": PALETTE[4], "scratch": PALETTE[6], "output": PALETTE[3]}
_MEANING = {
    "input": "the network's input",
    "tensor": "a tensor",
    "lines": "some lines of a tensor",
    "scratch": "a kernel's own memory",
    "output": "the network's output",
}
# a name in a block: width of a letter and margin, in points
_LETTERS, _MARGIN = 5.5, 1.0
# places of a name in its block: middle, ends, between
_PLACES = (0.0, -1.0, 1.0, -0.5, 0.5)
_MOST_NAMED_STEPS = 90
_DPI = 140


MapKind = Literal["input", "tensor", "lines", "scratch", "output"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStep:
    """A step of the plan."""

    index: int
    """Its index."""
    op: str
    """TFLite's name of the operator."""
    output: str
    """The tensor it computes."""
    used_bytes: int
    """Bytes of the arena that hold something during the step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapBlock:
    """A block of the arena."""

    kind: MapKind
    """What it holds."""
    block: str
    """Its name."""
    label: str
    """Its name in a few letters."""
    offset: int
    """Where it begins."""
    n_bytes: int
    """Its size."""
    first_step: int
    """First step at which it holds something; -1: before the first."""
    last_step: int
    """Last step at which it is used; the number of steps: after the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMap:
    """The contents of the arena, step by step."""

    arena_bytes: int
    """Size of the arena."""
    overlap_bound_bytes: int
    """Bytes that every placement needs."""
    liveness_bound_bytes: int
    """Bytes that every placement without overlap needs."""
    steps: tuple[MapStep, ...]
    """The steps, in order."""
    blocks: tuple[MapBlock, ...]
    """The blocks."""


def memory_map(plan: Plan) -> MemoryMap:
    """Return the map of a plan."""
    blocks = tuple(
        MapBlock(
            kind=_kind(block, first, last, len(plan.steps)),
            block=block.name,
            label=block.label,
            offset=offset,
            n_bytes=block.n_bytes,
            first_step=first,
            last_step=last,
        )
        for (block, offset), (first, last) in zip(plan.blocks, plan.lifetimes, strict=True)
    )
    steps = tuple(
        MapStep(
            index=index,
            op=step.operator.op,
            output=step.output.describe(),
            used_bytes=_union(
                [
                    (block.offset, block.offset + block.n_bytes)
                    for block in blocks
                    if block.first_step <= index <= block.last_step
                ]
            ),
        )
        for index, step in enumerate(plan.steps)
    )
    return MemoryMap(
        arena_bytes=plan.arena_bytes,
        overlap_bound_bytes=plan.overlap_bound_bytes,
        liveness_bound_bytes=plan.liveness_bound_bytes,
        steps=steps,
        blocks=blocks,
    )


def map_document(made: MemoryMap) -> dict[str, Any]:
    """Return a map as plain data, for its JSON."""
    return {
        "arena_bytes": made.arena_bytes,
        "overlap_bound_bytes": made.overlap_bound_bytes,
        "liveness_bound_bytes": made.liveness_bound_bytes,
        "steps": [asdict(step) for step in made.steps],
        "blocks": [
            {
                "kind": block.kind,
                "block": block.block,
                "offset": block.offset,
                "bytes": block.n_bytes,
                "first_step": block.first_step,
                "last_step": block.last_step,
            }
            for block in made.blocks
        ],
    }


def write_memory_map(plan: Plan, path: Path, title: str) -> tuple[Path, ...]:
    """Write the map; return the files, the JSON last.

    Parameters
    ----------
    plan
        The plan.
    path
        File to write: of a picture, whose JSON goes beside it, or of the JSON alone.
    title
        Name of the model, for the picture.

    Raises
    ------
    AscKitError
        When something else is where the files go.
    """
    made = memory_map(plan)
    check_map(path)  # drawing takes seconds
    if path.suffix in _PICTURES:
        write_file(path, MEMORY_MAP, draw(made, title, path.suffix[1:]))
    write_file(path.with_suffix(".json"), MEMORY_MAP, json_bytes(map_document(made)))
    return _files_of(path)


def check_map(path: Path) -> None:
    """Check that a map can be written: plan.svg's JSON would be plan.json, which may be another's.

    Raises
    ------
    AscKitError
        When something else is there.
    """
    for file in _files_of(path):
        check_file(file, MEMORY_MAP)


def _files_of(path: Path) -> tuple[Path, ...]:
    # picture and JSON are checked separately: a second picture may share its JSON with the first
    return tuple(dict.fromkeys((path, path.with_suffix(".json"))))


def draw(made: MemoryMap, title: str, form: str) -> bytes:
    """Draw a map: time from left to right, addresses upward; the same map gives the same bytes.

    Parameters
    ----------
    made
        The map.
    title
        What is written above.
    form
        ``png`` or ``svg``.
    """
    import matplotlib

    # text stays text, which makes the file a quarter of the size
    style = {"svg.hashsalt": "asc-kit", "svg.fonttype": "none", "font.size": 8.0, "text.parse_math": False}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        stream = io.BytesIO()
        # no date, no version: fixed bytes
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure(made, title).savefig(stream, format=form, metadata=metadata)
    return stream.getvalue()


def figure(made: MemoryMap, title: str) -> Any:
    """Return the picture as a figure of matplotlib, laid out.

    Parameters
    ----------
    made, title
        As of `draw`.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    steps, blocks = made.steps, made.blocks
    picture = Figure(figsize=(min(max(7.0, 2.5 + 0.28 * len(steps)), 26.0), 6.5), dpi=_DPI, layout="constrained")
    axes = picture.add_subplot()
    for block in blocks:
        _draw_block(axes, block)
    for n_bytes, words, line in (
        (made.arena_bytes, "arena", "-"),
        (made.overlap_bound_bytes, "least possible", "--"),
        (made.liveness_bound_bytes, "least possible without overlap", ":"),
    ):
        axes.axhline(n_bytes, color="#d55e00", linestyle=line, linewidth=1.0)
        axes.plot([], [], color="#d55e00", linestyle=line, label=f"{words}: {n_bytes:,} bytes")
    axes.set_title(title)
    axes.set_ylabel("offset in the arena, bytes")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_ylim(0, 1.06 * max(made.liveness_bound_bytes, made.arena_bytes))
    axes.set_xlim(-1, len(steps) + 1)
    if len(steps) <= _MOST_NAMED_STEPS:
        ticks = [f"{step.index} {step.op}" for step in steps]
        axes.set_xticks([index + 0.5 for index in range(len(steps))], ticks, rotation=90, fontsize=6)
    else:
        axes.set_xlabel("step")
    axes.tick_params(length=2)
    kinds = [kind for kind in _COLOURS if any(block.kind == kind for block in blocks)]
    patches = [Patch(facecolor=_COLOURS[kind], alpha=0.55, label=_MEANING[kind]) for kind in kinds]
    lines, _ = axes.get_legend_handles_labels()
    picture.legend(handles=[*patches, *lines], loc="outside lower center", ncols=2, frameon=False)
    picture.draw_without_rendering()  # from here on the size of the axes is known
    picture.set_layout_engine("none")
    taken: list[Any] = []
    for block in blocks:
        _name_block(axes, block, taken)
    return picture


def _draw_block(axes: Any, block: MapBlock) -> None:
    left, right = block.first_step, block.last_step + 1
    low, high = block.offset, block.offset + block.n_bytes
    colour = _COLOURS[block.kind]
    # transparent, since an output may lie over the input it consumes
    axes.fill([left, right, right, left], [low, low, high, high], facecolor=colour, alpha=0.55, linewidth=0)
    axes.fill([left, right, right, left], [low, low, high, high], facecolor="none", edgecolor=colour, linewidth=0.6)


def _name_block(axes: Any, block: MapBlock, taken: list[Any]) -> None:
    """Write the name of a block into it, across or upright, where it fits beside other names; else leave it out.

    Parameters
    ----------
    axes
        Axes with their final size.
    block
        As in the map.
    taken
        Places of names so far, to which this one is added.
    """
    left, right = block.first_step, block.last_step + 1
    low, high = block.offset, block.offset + block.n_bytes
    from matplotlib.transforms import Bbox

    margin = _MARGIN * axes.figure.dpi / 72
    room = axes.transData.transform_bbox(Bbox.from_extents(left, low, right, high)).padded(-margin)
    name, size = block.label, f"{block.n_bytes:,}"
    for separator, rotation in (("\n", 0), (", ", 0), ("\n", 90), (", ", 90)):
        text = axes.text(
            (left + right) / 2, (low + high) / 2, f"{name}{separator}{size}", ha="center", va="center",
            fontsize=_LETTERS, rotation=rotation, clip_on=True, in_layout=False,
        )  # fmt: skip
        extent = text.get_window_extent()
        if extent.width <= room.width and extent.height <= room.height:
            for across, up in product(_PLACES, _PLACES):
                place = extent.translated(
                    across * (room.width - extent.width) / 2, up * (room.height - extent.height) / 2
                )
                if not any(place.overlaps(other) for other in taken):
                    text.set_position(axes.transData.inverted().transform(_middle(place)))
                    taken.append(place)
                    return
        text.remove()


def _middle(box: Any) -> tuple[float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def _kind(block: Block, first_step: int, last_step: int, n_steps: int) -> MapKind:
    if first_step < 0:
        return "input"
    return "output" if last_step >= n_steps else block.kind


def _union(ranges: list[tuple[int, int]]) -> int:
    """Return how many bytes some ranges cover."""
    total, end = 0, 0
    for low, high in sorted(ranges):
        total += max(high - max(low, end), 0)
        end = max(end, high)
    return total
