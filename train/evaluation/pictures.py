"""Pictures of an evaluation, as PNG: confusion matrix and reliability diagram."""

from __future__ import annotations

import functools
import io
import warnings
from typing import Any

from asc_kit.process.console import note
from asc_kit.scores.evaluation import Evaluation

_INK = "#1a1f24"
_RIGHT, _WRONG = "#2b7bba", "#d55e00"  # told apart with every common kind of colour vision (Okabe and Ito, 2008)
_DPI = 150
# on Linux, macOS and Windows
_OTHER_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Hiragino Sans GB",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Malgun Gothic",
)
_NO_LETTER = "missing from font"


def confusion_png(evaluation: Evaluation, title: str) -> bytes:
    """Draw the confusion matrix: depth of colour and percent are shares of the row, below them the number of clips."""
    labels, matrix = evaluation.labels, evaluation.confusion
    side = max(4.0, 1.6 + 0.62 * len(labels))
    # many classes leave no room for two lines of text in a cell
    counts_too = len(labels) <= 20

    def draw(axes: Any) -> None:
        for row, counts in enumerate(matrix):
            total = sum(counts)
            for column, hits in enumerate(counts):
                share = hits / total if total else 0.0
                colour = _RIGHT if row == column else _WRONG
                box = {"color": colour, "alpha": share, "linewidth": 0}
                axes.fill([column - 0.5, column + 0.5, column + 0.5, column - 0.5],
                          [row - 0.5, row - 0.5, row + 0.5, row + 0.5], **box)  # fmt: skip
                if hits:
                    text = f"{100 * share:.0f}\n{hits}" if counts_too else f"{100 * share:.0f}"
                    ink = "white" if share > 0.55 else _INK
                    axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=ink)
        axes.set_xticks(range(len(labels)), labels, rotation=55, ha="right", rotation_mode="anchor", fontsize=8)
        axes.set_yticks(
            range(len(labels)),
            [f"{label} ({sum(row)})" for label, row in zip(labels, matrix, strict=True)],
            fontsize=8,
        )
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true (clips)")
        axes.set_aspect("equal")
        axes.tick_params(length=0)

    return _png(draw, (side + 0.8, side), f"{title}\nmacro accuracy {100 * evaluation.macro_accuracy:.1f} %")


def reliability_png(evaluation: Evaluation, title: str) -> bytes:
    """Draw the share classified rightly over the confidence, and below it how many clips each bin has."""
    filled = [cell for cell in evaluation.calibration if cell.clips]

    def draw(axes: Any) -> None:
        most = max(cell.clips for cell in filled)
        confidence, right = [100 * cell.confidence for cell in filled], [100 * cell.accuracy for cell in filled]
        axes.plot([0, 100], [0, 100], color=_WRONG, linestyle="--", linewidth=1.2, label="as often right as sure")
        axes.plot(confidence, right, color=_RIGHT, linewidth=1)
        sizes = [15 + 150 * cell.clips / most for cell in filled]
        axes.scatter(confidence, right, s=sizes, color=_RIGHT, label="clips; the area says how many")
        axes.set_xlim(0, 102)
        axes.set_ylim(-4, 104)
        axes.set_xlabel("confidence, %")
        axes.set_ylabel("right, %")
        axes.grid(True, color="#d3d9df")
        axes.set_axisbelow(True)
        axes.legend(loc="best", fontsize=8, frameon=False)

    return _png(draw, (4.8, 4.2), f"{title}\nexpected calibration error {100 * evaluation.ece:.1f} %")


def _png(draw: Any, size_in: tuple[float, float], title: str) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    # a dollar in a label is no formula
    style = {"font.size": 9.0, "font.family": _families(), "text.parse_math": False}
    with matplotlib.rc_context(style), warnings.catch_warnings(record=True) as heard:
        warnings.filterwarnings("always", f".*{_NO_LETTER}")
        figure = Figure(figsize=size_in, layout="constrained", dpi=_DPI)
        axes = figure.add_subplot()
        draw(axes)
        axes.set_title(title, fontsize=9)
        stream = io.BytesIO()
        # without matplotlib's version in the file, the same figures give the same bytes
        figure.savefig(stream, format="png", metadata={"Software": None})
    is_letter = [_NO_LETTER in str(warning.message) for warning in heard]
    if any(is_letter):
        note(
            "pictures show boxes for letters that no font of this machine has; "
            "for Chinese, Japanese and Korean: sudo apt-get install fonts-noto-cjk"
        )
    for warning, is_ours in zip(heard, is_letter, strict=True):
        if not is_ours:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return stream.getvalue()


@functools.cache
def _families() -> list[str]:
    """Return the usual font, and fonts of this machine with the letters it lacks."""
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _OTHER_FONTS if name in there)]
