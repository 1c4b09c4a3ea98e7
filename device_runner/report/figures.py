"""Pictures as SVG that takes its colours from the page: readable on light and on dark ground."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

# Stand-ins that are replaced by the page's own colours.
_INK, _RULE = "#010203", "#040506"
# Distinguishable with every common kind of colour vision (Okabe and Ito, 2008), on light and dark ground.
_PALETTE = ("#2b7bba", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c")
_WIDTH_IN = 4.8
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _RULE,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _RULE,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 1.2,
    "hatch.color": _INK,
    # a dollar in a label is a dollar
    "text.parse_math": False,
}

Bars = Sequence[tuple[str, Mapping[str, float], frozenset[str]]]


def share_bars(names: Sequence[str], ticks: Sequence[str], bars: Bars, axis: str) -> str:
    """Draw horizontal bars per group and result, 0 to 100 %; those of unseen groups are hatched.

    Parameters
    ----------
    names, ticks
        The groups, and what is written beside them.
    bars
        Per result: its name, the shares by group, the unseen groups.
    axis
        What the shares are.
    """
    thick = 0.8 / len(bars)

    def draw(axes: Any) -> None:
        for number, (name, shares, unseen) in enumerate(bars):
            for row, group in enumerate(names):
                if group not in shares:
                    continue
                at = row + thick * (number - (len(bars) - 1) / 2)
                axes.barh(
                    at, 100 * shares[group], thick * 0.92, color=_PALETTE[number % len(_PALETTE)],
                    hatch="///" if group in unseen else None, label=name if row == 0 else None,
                )  # fmt: skip
                if len(bars) <= 2:
                    axes.text(100 * shares[group] + 1, at, f"{100 * shares[group]:.0f}", va="center", fontsize=8)
        axes.set_yticks(range(len(names)), ticks)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, 105)
        axes.set_xticks(range(0, 101, 20))
        axes.set_xlabel(axis)
        axes.tick_params(length=0)

    height = 0.7 + len(names) * max(0.26, 0.17 * len(bars) + 0.06)
    return _svg(draw, height, legend=[name for name, _, _ in bars] if len(bars) > 1 else None)


def confusion(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> str:
    """Draw a confusion matrix: shares of each row as depth of colour and in percent."""

    def draw(axes: Any) -> None:
        for row, counts in enumerate(matrix):
            total = sum(counts) or 1
            for column, hits in enumerate(counts):
                share = hits / total
                axes.fill(
                    [column - 0.5, column + 0.5, column + 0.5, column - 0.5],
                    [row - 0.5, row - 0.5, row + 0.5, row + 0.5],
                    color=_PALETTE[0] if row == column else _PALETTE[1], alpha=share, linewidth=0,
                )  # fmt: skip
                if hits:
                    axes.text(
                        column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=7.5,
                        color="white" if share > 0.55 else _INK,
                    )  # fmt: skip
        axes.set_xticks(range(len(labels)), labels, rotation=55, ha="right", rotation_mode="anchor", fontsize=8)
        axes.set_yticks(range(len(labels)), labels, fontsize=8)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.set_aspect("equal")
        axes.grid(False)
        axes.tick_params(length=0)

    return _svg(draw, _WIDTH_IN)


def reliability(bins: Sequence[tuple[int, float, float]]) -> str:
    """Draw the share classified rightly over the confidence; the area of a dot grows with its clips.

    Parameters
    ----------
    bins
        Number of clips, mean confidence and share classified rightly, of each bin.
    """
    filled = [each for each in bins if each[0]]
    most = max(clips for clips, _, _ in filled)

    def draw(axes: Any) -> None:
        axes.plot([0, 100], [0, 100], color=_PALETTE[1], linestyle="--", linewidth=1.2)
        x, y = [100 * confidence for _, confidence, _ in filled], [100 * right for _, _, right in filled]
        axes.plot(x, y, color=_PALETTE[0], linewidth=1)
        axes.scatter(x, y, s=[12 + 100 * clips / most for clips, _, _ in filled], color=_PALETTE[0])
        axes.set_xlim(0, 102)
        axes.set_ylim(-4, 104)
        axes.set_xlabel("confidence, %")
        axes.set_ylabel("right, %")
        axes.grid(True, axis="both")

    return _svg(draw, 3.4)


def histogram(samples: Sequence[int], median: float, unit: str) -> str:
    """Draw how often each latency occurs, the median marked."""

    def draw(axes: Any) -> None:
        axes.hist(samples, bins=min(40, max(5, len(set(samples)))), color=_PALETTE[0])
        axes.axvline(median, color=_PALETTE[1], linestyle="--", linewidth=1.2)
        axes.set_xlabel(f"{unit}; dashed: median")
        axes.set_ylabel("inferences")
        axes.xaxis.set_major_locator(_few_ticks())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(True, axis="y")

    return _svg(draw, 2.4)


def shares(bars: Sequence[tuple[str, float]]) -> str:
    """Draw the share of each operator, in order."""

    def draw(axes: Any) -> None:
        values = [100 * value for _, value in bars]
        axes.barh(range(len(bars)), values, 0.75, color=_PALETTE[0])
        for row, value in enumerate(values):
            axes.text(value + 0.01 * max(values), row, f"{value:.1f}", va="center", fontsize=7.5)
        axes.set_yticks(range(len(bars)), [name for name, _ in bars], fontsize=8)
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_xlim(0, 1.1 * max(values))
        axes.set_xlabel("share, %")
        axes.tick_params(length=0)

    return _svg(draw, 0.6 + 0.2 * len(bars))


def memory(parts: Mapping[str, Mapping[str, int]]) -> str:
    """Draw RAM and flash of each result as stacked bars, in kilobytes (1,024 bytes)."""
    titles = list(dict.fromkeys(title for sizes in parts.values() for title in sizes))
    kinds = ("RAM", "Flash")
    rows = [
        (f"{kind}, {name}" if len(parts) > 1 else kind, kind, sizes)
        for name, sizes in parts.items()
        for kind in kinds
        if any(title.startswith(kind) for title in sizes)
    ]
    colours = {title: _PALETTE[number % len(_PALETTE)] for number, title in enumerate(titles)}

    def draw(axes: Any) -> None:
        for row, (_, kind, sizes) in enumerate(rows):
            left = 0.0
            for title, size in sizes.items():
                if title.startswith(kind):
                    axes.barh(row, size / 1024, 0.6, left=left, color=colours[title])
                    left += size / 1024
            axes.text(left, row, f" {left:,.1f}", va="center", fontsize=8)
        axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.margins(x=0.14)
        axes.set_xlim(left=0)
        axes.set_xlabel("kB (1,024 bytes)")
        axes.tick_params(length=0)

    return _svg(draw, 0.7 + 0.34 * len(rows), legend=titles, colours=[colours[title] for title in titles])


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)


def _svg(draw: Any, height_in: float, *, legend: Sequence[str] | None = None, colours: Sequence[str] = ()) -> str:
    """Draw on one pair of axes and return the SVG element."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    extra_in = 0.0 if legend is None else 0.25 + 0.19 * len(legend)
    # fixed names inside the picture: the same result gives the same bytes
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": "asc-kit"}), warnings.catch_warnings():
        # the reader's browser draws the text, with fonts of its own
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure(figsize=(_WIDTH_IN, height_in + extra_in), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        if legend is not None:
            used = colours or [_PALETTE[number % len(_PALETTE)] for number in range(len(legend))]
            patches = [Patch(color=colour, label=name) for name, colour in zip(legend, used, strict=True)]
            figure.legend(handles=patches, loc="outside lower center", frameon=False, ncols=1, fontsize=8)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    # no document type, no RDF: the picture stands inside a page
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1
    )
    return text.replace(_INK, "currentColor").replace(_RULE, "var(--rule)").strip()
