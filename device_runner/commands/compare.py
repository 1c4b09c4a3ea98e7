"""``asc-kit compare``: an old and a new measurement, for a build that must not become worse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.output import say_json
from asc_kit.errors import MismatchError, SpecError

if TYPE_CHECKING:
    from asc_kit.result import BenchmarkResult

    from ..comparison import Comparison, PairedClips

_growth = click.FloatRange(min=0)


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--max-drop", type=click.FloatRange(0, 100), metavar="POINTS",
    help="Largest loss of accuracy, in percentage points. [default: any loss that may be chance, by "
    "McNemar's test at 5 %]",
)  # fmt: skip
@click.option(
    "--max-latency", type=_growth, default=5.0, show_default=True, metavar="PERCENT",
    help="Largest growth of the median latency of network and front end.",
)  # fmt: skip
@click.option(
    "--max-ram", type=_growth, default=5.0, show_default=True, metavar="PERCENT",
    help="Largest growth of RAM: arena, front end and stack.",
)  # fmt: skip
@click.option(
    "--max-flash", type=_growth, default=5.0, show_default=True, metavar="PERCENT",
    help="Largest growth of flash: code, weights and tables of network and front end.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def compare(
    old: Path,
    new: Path,
    max_drop: float | None,
    max_latency: float,
    max_ram: float,
    max_flash: float,
    as_json: bool,
) -> None:
    """Compare two measurements, each a results.json or a folder that holds one.

    Accuracy is compared clip by clip on the clips that both have, latency and memory as ratios. The exit code is 4 if
    the new measurement is worse than the limits allow.
    """
    from ..comparison import Limits
    from ..comparison import compare as compare_results
    from ..report import read_results

    results: list[BenchmarkResult] = []
    for path in (old, new):
        named = read_results([path])
        if len(named) > 1:
            raise SpecError(
                f"{path} holds {len(named)} measurements: {', '.join(item.path.as_posix() for item in named)}. "
                "Expected: one",
                hint="name one results.json",
            )
        results.append(named[0].result)
    limits = Limits(drop_points=max_drop, latency_percent=max_latency, ram_percent=max_ram, flash_percent=max_flash)
    comparison = compare_results(results[0], results[1], limits)
    if as_json:
        say_json(comparison)
    else:
        _print(comparison, results[0], results[1])
    if comparison.failures:
        raise MismatchError("; ".join(comparison.failures), hint="find what changed between the two measurements")


def _print(comparison: Comparison, old: BenchmarkResult, new: BenchmarkResult) -> None:
    from rich.markup import escape

    from asc_kit.process.console import console
    from asc_kit.scores.tables import titled_table

    from .tables import print_table

    table = titled_table(
        f"Accuracy on {comparison.clips.clips} clips", "", "clips", "old, %", "new, %", "points", "lost", "gained", "p"
    )
    for title, groups in (
        (None, (comparison.clips,)),
        ("recording device", comparison.recording_devices),
        ("label", comparison.labels),
    ):
        if title is not None:
            table.add_section()
            table.add_row(f"[dim]by {title}[/]", *[""] * 7)
        for group in groups:
            table.add_row(escape(group.name), *_cells(group))
    print_table(table)
    costs = titled_table("Costs", "", "old", "new", "change, %", "limit, %")
    for cost in comparison.costs:
        change = f"{cost.change_percent:+.2f}"
        costs.add_row(
            f"{cost.name}, {cost.unit}",
            f"{cost.old:,.0f}",
            f"{cost.new:,.0f}",
            change if cost.is_within else f"[bold red]{change}[/]",
            f"{cost.limit_percent:g}",
        )
    print_table(costs)
    model = "the same model" if old.model_sha256 == new.model_sha256 else "another model"
    for line in (
        f"{model}: {comparison.changed_outputs} clips have other outputs, {comparison.changed_labels} another "
        "likeliest label",
        *([f"{comparison.left_out} clips are in one measurement only, and left out"] if comparison.left_out else []),
        *comparison.notes,
    ):
        console.print(line, soft_wrap=True, markup=False)


def _cells(group: PairedClips) -> tuple[str, ...]:
    return (
        str(group.clips),
        f"{100 * group.old_right / group.clips:.1f}",
        f"{100 * group.new_right / group.clips:.1f}",
        f"{group.change_points:+.1f}",
        str(group.lost),
        str(group.gained),
        f"{group.p_value:.2g}",
    )
