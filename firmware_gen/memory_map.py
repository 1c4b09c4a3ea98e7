"""The memory map: where every block of the arena lies, and from which step to which, as a picture and as JSON."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

from asc_kit.pages import PALETTE
from asc_kit.records import write_bytes, write_json

_PICTURES = (".png", ".svg")
_COLOURS = {"input": PALETTE[2], "tensor": PALETTE[0], "lines": PALETTE[4], "scratch": PALETTE[6], "output": PALETTE[3]}
_MEANING = {
    "input": "the network's input",
    "tensor": "a tensor",
    "lines": "some lines of a tensor",
    "scratch": "a kernel's own memory",
    "output": "the network's output",
}
# of the arena, and of the steps: what is lower or narrower has no room for its name, or for its name across
_NAMED_SHARE, _NAMED_SHARE_UPRIGHT, _WIDE_STEPS = 0.018, 0.12, 4
_TWO_LINES_SHARE = 0.06
_MOST_NAMED_STEPS = 90
_DPI = 140


def memory_map(plan: dict[str, Any]) -> dict[str, Any]:
    """Return the map of a plan.

    Parameters
    ----------
    plan
        The plan as data, as in plan.json.

    Returns
    -------
    dict
        ``arena_bytes`` and the two bounds of the plan; ``steps`` with ``index``, ``op``, ``output`` and
        ``used_bytes``, the bytes of the arena that hold something during the step; ``blocks`` with ``block``,
        ``kind``, ``offset``, ``bytes``, ``first_step`` (-1: before the first) and ``last_step``.
    """
    n_steps = len(plan["steps"])
    blocks = [{"kind": _kind(block, n_steps), **block} for block in plan["arena"]]
    steps = [
        {
            "index": step["index"],
            "op": step["op"],
            "output": step["output"],
            "used_bytes": _union(
                [
                    (block["offset"], block["offset"] + block["bytes"])
                    for block in blocks
                    if block["first_step"] <= step["index"] <= block["last_step"]
                ]
            ),
        }
        for step in plan["steps"]
    ]
    names = ("arena_bytes", "overlap_bound_bytes", "liveness_bound_bytes")
    return {**{name: plan[name] for name in names}, "steps": steps, "blocks": blocks}


def write_memory_map(plan: dict[str, Any], path: Path, title: str) -> tuple[Path, ...]:
    """Write the map; return the files, the JSON last.

    Parameters
    ----------
    plan
        The plan as data.
    path
        File to write: of a picture, whose JSON goes beside it, or of the JSON alone.
    title
        Name of the model, for the picture.
    """
    document = memory_map(plan)
    written = []
    if path.suffix in _PICTURES:
        write_bytes(path, draw(document, title, path.suffix[1:]))
        written.append(path)
    write_json(path.with_suffix(".json"), document)
    return (*written, path.with_suffix(".json"))


def draw(document: dict[str, Any], title: str, form: str) -> bytes:
    """Draw a map: time from left to right, addresses upward; the same map gives the same bytes.

    Parameters
    ----------
    document
        As from `memory_map`.
    title
        What is written above.
    form
        ``png`` or ``svg``.
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    steps, blocks, arena = document["steps"], document["blocks"], document["arena_bytes"]
    # letters as letters, which the reader of the file draws: a quarter of the size
    style = {"svg.hashsalt": "asc-kit", "svg.fonttype": "none", "font.size": 8.0, "text.parse_math": False}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure(figsize=(min(max(7.0, 2.5 + 0.28 * len(steps)), 26.0), 6.5), layout="constrained")
        axes = figure.add_subplot()
        for block in blocks:
            _draw_block(axes, block, arena)
        for name, words, line in (
            ("arena_bytes", "arena", "-"),
            ("overlap_bound_bytes", "least possible", "--"),
            ("liveness_bound_bytes", "least possible without overlap", ":"),
        ):
            axes.axhline(document[name], color="#d55e00", linestyle=line, linewidth=1.0)
            axes.plot([], [], color="#d55e00", linestyle=line, label=f"{words}: {document[name]:,} bytes")
        axes.set_title(title)
        axes.set_ylabel("offset in the arena, bytes")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_ylim(0, 1.06 * max(document["liveness_bound_bytes"], arena))
        axes.set_xlim(-1, len(steps) + 1)
        if len(steps) <= _MOST_NAMED_STEPS:
            ticks = [f"{step['index']} {step['op']}" for step in steps]
            axes.set_xticks([index + 0.5 for index in range(len(steps))], ticks, rotation=90, fontsize=6)
        else:
            axes.set_xlabel("step")
        axes.tick_params(length=2)
        kinds = [kind for kind in _COLOURS if any(block["kind"] == kind for block in blocks)]
        patches = [Patch(facecolor=_COLOURS[kind], alpha=0.55, label=_MEANING[kind]) for kind in kinds]
        lines, _ = axes.get_legend_handles_labels()
        figure.legend(handles=[*patches, *lines], loc="outside lower center", ncols=2, frameon=False)
        stream = io.BytesIO()
        # no date, no version: fixed bytes
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(stream, format=form, dpi=_DPI, metadata=metadata)
    return stream.getvalue()


def _draw_block(axes: Any, block: dict[str, Any], arena: int) -> None:
    left, right = block["first_step"], block["last_step"] + 1
    low, high = block["offset"], block["offset"] + block["bytes"]
    colour = _COLOURS[block["kind"]]
    # see-through: an output may lie over the input it consumes
    axes.fill([left, right, right, left], [low, low, high, high], facecolor=colour, alpha=0.55, linewidth=0)
    axes.fill([left, right, right, left], [low, low, high, high], facecolor="none", edgecolor=colour, linewidth=0.6)
    share, n_steps = block["bytes"] / arena, right - left
    upright = n_steps < _WIDE_STEPS
    if share < (_NAMED_SHARE_UPRIGHT if upright else _NAMED_SHARE):
        return
    # upright in the block's first step, where no later block's name is
    at = left + 0.5 if upright else (left + right) / 2
    text = f"{_short(block['block'])}{', ' if share < _TWO_LINES_SHARE else chr(10)}{block['bytes']:,}"
    axes.text(
        at, (low + high) / 2, text, ha="center", va="center", fontsize=5.5, rotation=90 if upright else 0,
        clip_on=True, in_layout=False,
    )  # fmt: skip


def _short(name: str) -> str:
    """Return the name of a block in a few letters: of a tensor its index and shape."""
    found = re.fullmatch(r"((?:lines of )?)tensor (\d+) '.*' \(int8 (.*?)\).*", name, flags=re.DOTALL)
    return f"{found[1]}{found[2]}: {found[3].removeprefix('1x')}" if found is not None else name


def _kind(block: dict[str, Any], n_steps: int) -> str:
    if block["first_step"] < 0:
        return "input"
    if block["last_step"] >= n_steps:
        return "output"
    return {"tensor": "tensor", "lines": "lines"}.get(block["block"].partition(" ")[0], "scratch")


def _union(ranges: list[tuple[int, int]]) -> int:
    """Return how many bytes some ranges cover."""
    total, end = 0, 0
    for low, high in sorted(ranges):
        total += max(high - max(low, end), 0)
        end = max(end, high)
    return total
