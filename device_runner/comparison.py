"""Two measurements compared: accuracy clip by clip, costs as ratios, each with a limit that a build may fail by."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asc_kit.errors import SpecError
from asc_kit.result import BenchmarkResult, Prediction

SIGNIFICANCE = 0.05
"""Probability below which a loss of accuracy counts as more than chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much worse the new measurement may be."""

    drop_points: float | None
    """Largest loss of accuracy in percentage points; None allows any loss that may be chance (McNemar's test)."""
    latency_percent: float
    """Largest growth of a median latency, in percent."""
    ram_percent: float
    """Largest growth of RAM, in percent."""
    flash_percent: float
    """Largest growth of flash, in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedClips:
    """The same clips in two measurements; a clip is right if its likeliest label is one of its labels."""

    name: str
    """``all clips``, or the name of a recording device or a label."""
    clips: int
    """Number of clips."""
    old_right: int
    """Number that the old measurement has right."""
    new_right: int
    """Number that the new measurement has right."""
    lost: int
    """Number right in the old one only."""
    gained: int
    """Number right in the new one only."""
    p_value: float
    """Probability of a difference as large as this one, or larger, if both are equally good."""

    @property
    def change_points(self) -> float:
        """Return the change of accuracy in percentage points."""
        return 100 * (self.new_right - self.old_right) / self.clips


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A cost in both measurements; the limit says how far it may grow."""

    name: str
    unit: str
    old: float
    new: float
    limit_percent: float

    @property
    def change_percent(self) -> float:
        """Return the growth in percent: infinite from nothing."""
        if self.old == self.new:
            return 0.0
        return math.inf if self.old == 0 else 100 * (self.new - self.old) / self.old

    @property
    def is_within(self) -> bool:
        """Whether it grew no more than allowed."""
        return self.change_percent <= self.limit_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An old and a new measurement."""

    clips: PairedClips
    """All clips that both have."""
    recording_devices: tuple[PairedClips, ...]
    """By recording device, sorted by name."""
    labels: tuple[PairedClips, ...]
    """By label, in the order of the labels."""
    changed_labels: int
    """Number of clips whose likeliest label changed."""
    changed_outputs: int
    """Number of clips with any output that changed; with the same model and inputs it is 0."""
    left_out: int
    """Number of clips that only one of the two has."""
    costs: tuple[Cost, ...]
    """Latency, RAM and flash that both know in the same unit."""
    notes: tuple[str, ...]
    """What keeps figures from being compared."""
    failures: tuple[str, ...]
    """A sentence for each limit that is exceeded."""


def compare(old: BenchmarkResult, new: BenchmarkResult, limits: Limits) -> Comparison:
    """Compare two measurements on the clips that both have.

    Accuracy is compared by McNemar's exact test: if both are equally good, a clip that only one of them has right is
    as likely to be the old one's as the new one's.

    Raises
    ------
    SpecError
        If they have other tasks or labels, no clip in common, or other audio under the same names.
    """
    if old.task != new.task or set(old.labels) != set(new.labels):
        raise SpecError(
            f"the two measurements are of other labels: {', '.join(old.labels)} in the old one, "
            f"{', '.join(new.labels)} in the new one",
            hint="compare measurements of models for the same task",
        )
    pairs = _pairs(old, new)
    clips = _count_pairs("all clips", pairs)
    costs = tuple(_costs(old, new, limits))
    return Comparison(
        clips=clips,
        recording_devices=_count_groups(pairs, lambda item: (item.recording_device,), sorted),
        labels=_count_groups(pairs, lambda item: item.labels, lambda names: [n for n in old.labels if n in names]),
        changed_labels=sum(before.predicted != after.predicted for before, after in pairs),
        changed_outputs=sum(before.outputs != after.outputs for before, after in pairs),
        left_out=len(old.predictions) + len(new.predictions) - 2 * len(pairs),
        costs=costs,
        notes=tuple(_notes(old, new)),
        failures=tuple(_failures(clips, costs, limits)),
    )


def mcnemar(lost: int, gained: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Source: McNemar (1947), "Note on the sampling error of the difference between correlated proportions or
    percentages"; exact by the binomial distribution of the smaller count among all clips on which the two differ.
    """
    differing = lost + gained
    tail = sum(math.comb(differing, count) for count in range(min(lost, gained) + 1))
    return min(1.0, 2 * (tail / (1 << differing)))


Pair = tuple[Prediction, Prediction]


def _pairs(old: BenchmarkResult, new: BenchmarkResult) -> list[Pair]:
    later = {item.filename: item for item in new.predictions}
    pairs = [(item, later[item.filename]) for item in old.predictions if item.filename in later]
    if not pairs:
        raise SpecError(
            f"the two measurements have no clip in common: the old one begins with {old.predictions[0].filename}, the "
            f"new one with {new.predictions[0].filename}",
            hint="measure both on the same data",
        )
    for before, after in pairs:
        if set(before.labels) != set(after.labels):
            raise SpecError(
                f"{before.filename} has other labels in the new measurement: {', '.join(after.labels)} instead of "
                f"{', '.join(before.labels)}",
                hint="measure both with the same tables",
            )
        known = before.samples_id is not None and after.samples_id is not None
        # models that hear other rates or lengths are given other samples of the same recording
        if known and before.samples_id != after.samples_id and old.spec_id == new.spec_id:
            raise SpecError(
                f"{before.filename} is other audio in the new measurement", hint="measure both on the same data"
            )
    return pairs


def _count_pairs(name: str, pairs: Sequence[Pair]) -> PairedClips:
    right = [(before.predicted in before.labels, after.predicted in after.labels) for before, after in pairs]
    lost, gained = right.count((True, False)), right.count((False, True))
    return PairedClips(
        name=name,
        clips=len(right),
        old_right=sum(before for before, _ in right),
        new_right=sum(after for _, after in right),
        lost=lost,
        gained=gained,
        p_value=mcnemar(lost, gained),
    )


def _count_groups(
    pairs: Sequence[Pair],
    names_of: Callable[[Prediction], Sequence[str]],
    order: Callable[[set[str]], Sequence[str]],
) -> tuple[PairedClips, ...]:
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        for name in names_of(pair[0]):
            groups.setdefault(name, []).append(pair)
    return tuple(_count_pairs(name, groups[name]) for name in order(set(groups)))


def _costs(old: BenchmarkResult, new: BenchmarkResult, limits: Limits) -> list[Cost]:
    costs = []
    if _have_one_timer(old, new):
        unit = old.latency.unit
        costs.append(
            Cost(
                name="network, median", unit=unit, old=old.latency.median, new=new.latency.median,
                limit_percent=limits.latency_percent,
            )
        )  # fmt: skip
        if old.latency.frontend is not None and new.latency.frontend is not None:
            costs.append(
                Cost(
                    name="front end, median", unit=unit, old=old.latency.frontend.median,
                    new=new.latency.frontend.median, limit_percent=limits.latency_percent,
                )
            )  # fmt: skip
    for name, parts, limit in (
        ("RAM", ("arena_bytes", "frontend_bytes", "stack_bytes"), limits.ram_percent),
        (
            "flash", ("code_bytes", "weight_bytes", "frontend_code_bytes", "frontend_table_bytes"),
            limits.flash_percent,
        ),
    ):  # fmt: skip
        sizes = [(getattr(old.memory, part), getattr(new.memory, part)) for part in parts]
        known = [(before, after) for before, after in sizes if before is not None and after is not None]
        if known:
            before, after = (sum(values) for values in zip(*known, strict=True))
            costs.append(Cost(name=name, unit="bytes", old=before, new=after, limit_percent=limit))
    return costs


def _have_one_timer(old: BenchmarkResult, new: BenchmarkResult) -> bool:
    return (old.latency.unit, old.core) == (new.latency.unit, new.core)


def _notes(old: BenchmarkResult, new: BenchmarkResult) -> list[str]:
    notes = []
    if not _have_one_timer(old, new):
        notes.append(
            f"latency is not compared: {old.latency.unit} on {old.board} ({old.core}) and {new.latency.unit} on "
            f"{new.board} ({new.core})"
        )
    if old.mode != new.mode:
        notes.append(f"{old.mode} was sent in the old measurement, {new.mode} in the new one")
    if old.latency.unit == "instructions":
        notes.append("latency is the number of instructions executed in an emulator, not a time")
    return notes


def _failures(clips: PairedClips, costs: Sequence[Cost], limits: Limits) -> list[str]:
    failures = []
    drop = -clips.change_points
    figures = f"accuracy fell by {drop:.2f} points: {clips.lost} clips were lost and {clips.gained} gained"
    if limits.drop_points is not None:
        if drop > limits.drop_points:
            failures.append(f"{figures}. Expected: at most {limits.drop_points:g} points")
    elif drop > 0 and clips.p_value < SIGNIFICANCE:
        failures.append(f"{figures}, which chance does in {100 * clips.p_value:.2g} % of cases")
    failures += [
        f"{cost.name} grew by {cost.change_percent:.2f} %, from {cost.old:,.0f} to {cost.new:,.0f} {cost.unit}. "
        f"Expected: at most {cost.limit_percent:g} %"
        for cost in costs
        if not cost.is_within
    ]
    return failures
