"""Pictures as SVG that takes its colours from the page: readable on a light and on a dark background."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

INK, RULE = "#010203", "#040506"
"""Stand-ins that become the page's own colours for text and for lines."""
PALETTE = ("#2b7bba", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c")
"""Colours that every common kind of colour vision distinguishes (Okabe and Ito, 2008), on light and dark
backgrounds."""
BLUE, RED, GREEN = PALETTE[:3]

_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": RULE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 1.2,
    "hatch.color": INK,
    # a dollar in a label is no formula
    "text.parse_math": False,
}


def svg(
    draw: Callable[[Any], None],
    size_in: tuple[float, float],
    *,
    grid: str = "x",
    legend: Sequence[tuple[str, str]] = (),
) -> str:
    """Draw on a pair of axes and return the SVG element, which is as wide as the page allows.

    Parameters
    ----------
    draw
        Draws on matplotlib's axes.
    size_in
        Width and height, in inches; the legend comes on top.
    grid
        Axis of the grid lines: ``x``, ``y`` or ``both``.
    legend
        Names and colours to list below.
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    width_in, height_in = size_in
    # fixed names inside the picture: the same numbers give the same bytes
    style = _STYLE | {"axes.grid.axis": grid, "svg.hashsalt": "asc-kit"}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # the reader's browser draws the text, with fonts of its own
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        extra_in = 0.25 + 0.19 * len(legend) if legend else 0.0
        figure = Figure(figsize=(width_in, height_in + extra_in), layout="constrained")
        draw(figure.add_subplot())
        if legend:
            patches = [Patch(color=colour, label=name) for name, colour in legend]
            figure.legend(handles=patches, loc="outside lower center", frameon=False, ncols=1, fontsize=8)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    # no document type, no RDF: the picture stands inside a page
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    for name in ("height", "width"):
        text = re.sub(rf'(<svg[^>]*?) {name}="[^"]*"', r"\1", text, count=1)
    return text.replace(INK, "currentColor").replace(RULE, "var(--rule)").strip()
