"""Pictures as SVG that takes its colours from the page: readable on a light and on a dark background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asc_kit.pages import INK, PALETTE, RULE, svg

_WIDTH_IN = 4.8

Bars = Sequence[tuple[str, Mapping[str, float], frozenset[str]]]


def share_bars(names: Sequence[str], ticks: Sequence[str], bars: Bars, axis: str) -> str:
    """Draw horizontal bars per group and result, 0 to 100 %; bars of unseen groups are hatched.

    Parameters
    ----------
    names, ticks
        The groups, and the text beside them.
    bars
        Per result: its name, the shares by group, the unseen groups.
    axis
        Title of the axis of shares.
    """
    thick = 0.8 / len(bars)

    def draw(axes: Any) -> None:
        for number, (name, shares, unseen) in enumerate(bars):
            for row, group in enumerate(names):
                if group not in shares:
                    continue
                at = row + thick * (number - (len(bars) - 1) / 2)
                axes.barh(
                    at, 100 * shares[group], thick * 0.92, color=PALETTE[number % len(PALETTE)],
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
    legend = [(name, PALETTE[number % len(PALETTE)]) for number, (name, _, _) in enumerate(bars)]
    return svg(draw, (_WIDTH_IN, height), legend=legend if len(bars) > 1 else ())


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
                    color=PALETTE[0] if row == column else PALETTE[1], alpha=share, linewidth=0,
                )  # fmt: skip
                if hits:
                    axes.text(
                        column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=7.5,
                        color="white" if share > 0.55 else INK,
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

    return svg(draw, (_WIDTH_IN, _WIDTH_IN))


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
        axes.plot([0, 100], [0, 100], color=PALETTE[1], linestyle="--", linewidth=1.2)
        x, y = [100 * confidence for _, confidence, _ in filled], [100 * right for _, _, right in filled]
        axes.plot(x, y, color=PALETTE[0], linewidth=1)
        axes.scatter(x, y, s=[12 + 100 * clips / most for clips, _, _ in filled], color=PALETTE[0])
        axes.set_xlim(0, 102)
        axes.set_ylim(-4, 104)
        axes.set_xlabel("confidence, %")
        axes.set_ylabel("right, %")
        axes.grid(True, axis="both")

    return svg(draw, (_WIDTH_IN, 3.4))


def histogram(samples: Sequence[int], median: float, unit: str) -> str:
    """Draw how often each latency occurs, the median marked."""

    def draw(axes: Any) -> None:
        axes.hist(samples, bins=min(40, max(5, len(set(samples)))), color=PALETTE[0])
        axes.axvline(median, color=PALETTE[1], linestyle="--", linewidth=1.2)
        axes.set_xlabel(f"{unit}; dashed: median")
        axes.set_ylabel("inferences")
        axes.xaxis.set_major_locator(_few_ticks())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(True, axis="y")

    return svg(draw, (_WIDTH_IN, 2.4))


def shares(bars: Sequence[tuple[str, float]]) -> str:
    """Draw the share of each operator, in order."""

    def draw(axes: Any) -> None:
        values = [100 * value for _, value in bars]
        axes.barh(range(len(bars)), values, 0.75, color=PALETTE[0])
        for row, value in enumerate(values):
            axes.text(value + 0.01 * max(values), row, f"{value:.1f}", va="center", fontsize=7.5)
        axes.set_yticks(range(len(bars)), [name for name, _ in bars], fontsize=8)
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_xlim(0, 1.1 * max(values))
        axes.set_xlabel("share, %")
        axes.tick_params(length=0)

    return svg(draw, (_WIDTH_IN, 0.6 + 0.2 * len(bars)))


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
    colours = {title: PALETTE[number % len(PALETTE)] for number, title in enumerate(titles)}

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

    return svg(draw, (_WIDTH_IN, 0.7 + 0.34 * len(rows)), legend=[(title, colours[title]) for title in titles])


def pareto(points: Sequence[tuple[str, float, float, int]], cost_axis: str, quality_axis: str) -> str:
    """Draw quality against cost; a line joins the points that no other beats in both.

    Parameters
    ----------
    points
        Name, cost, quality from 0 to 1 and bytes of RAM; the area of a dot grows with the bytes.
    cost_axis, quality_axis
        Titles of the axes.
    """
    most = max(size for *_, size in points) or 1
    best: list[tuple[float, float]] = []
    for _, cost, quality, _ in sorted(points, key=lambda point: (point[1], -point[2])):
        if not best or quality > best[-1][1]:
            best.append((cost, quality))

    def draw(axes: Any) -> None:
        axes.plot([cost for cost, _ in best], [100 * quality for _, quality in best], color=RULE, linewidth=1.2)
        for number, (_, cost, quality, size) in enumerate(points):
            axes.scatter([cost], [100 * quality], s=[20 + 120 * size / most], color=PALETTE[number % len(PALETTE)])
        axes.set_xlabel(cost_axis)
        axes.set_ylabel(quality_axis)
        axes.margins(0.15)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(_few_ticks())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")

    legend = [(name, PALETTE[number % len(PALETTE)]) for number, (name, *_) in enumerate(points)]
    return svg(draw, (_WIDTH_IN, 3.0), grid="both", legend=legend)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)
