"""The complexity limits of the DCASE challenges: each year's counts of a network, and the limits that hold.

Sources: rules and baselines of DCASE Task 1, 2021 to 2025; docs/complexity.md says what is counted and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from asc_kit.errors import MismatchError
from asc_kit.records.fields import Count, Difference, Name, Notes
from asc_kit.records.record import STRICT

Year = Literal["2021", "2022", "2023", "2024", "2025"]
YEARS: tuple[Year, ...] = get_args(Year)
Precision = Literal["float32", "float16", "int8", "mixed"]
"""Precision of parameters; mixed for a flatbuffer whose weights or biases differ in type among themselves."""

NONZERO_BYTES_2021 = 128 * 1024
PARAMETERS_2022 = 128_000
PARAMETER_BYTES_2024 = 128_000
MACS = 30_000_000
"""Per second of audio, from 2022 on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Bytes of a network's parameters at a precision."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    precision: Precision
    """Precision of the parameters."""
    parameter_bytes: Count
    """All parameters, zeros included; of batch normalization scale and shift."""
    nonzero_bytes: Count
    """Bytes of the parameters that are not zero, including running statistics of batch normalization."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCounts:
    """The counts that the rules limit."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    trained: bool
    """Whether its values are trained; in an untrained network all count as not zero."""
    parameters: Count
    """Weights and biases, zeros included; of batch normalization scale and shift."""
    running_statistics: Count
    """Means and variances of batch normalization: the rule of 2021 counts them too."""
    nonzero_parameters: Count
    """Values that are not zero, among both."""
    storage: Annotated[tuple[Storage, ...], Field(min_length=1, max_length=16)]
    """First its bytes as stored, then at the other possible precisions."""
    macs: Count
    """Multiply-accumulates of an inference by the rule of 2024."""
    macs_2022: Count
    """Multiply-accumulates of an inference by the tool of 2022."""
    folded: bool = False
    """Whether batch normalization is part of the weights and biases already, as in a flatbuffer."""
    float_macs: Count | None = None
    """Count by the rule of 2024 of the float network that an int8 network was made from; None if unknown."""
    seconds: Annotated[float, Field(gt=0, le=1e6)] | None
    """Length of the audio of an inference, in seconds; None if unknown."""

    def stored_at(self, precision: Precision) -> Storage | None:
        """Return its bytes at a precision; None if it cannot be stored so."""
        return next((storage for storage in self.storage if storage.precision == precision), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCheck:
    """A figure of a network and its limit."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Name
    """Name of the figure."""
    unit: Literal["bytes", "parameters", "MACs"]
    """Its unit."""
    precision: Precision | None
    """The precision that it depends on, or None."""
    value: Count
    """The figure."""
    limit: Count
    """The limit."""
    holds: bool
    """Whether value is at most limit."""
    margin: Difference
    """Limit minus value: negative if the limit is exceeded."""
    margin_percent: Annotated[float, Field(ge=-1e15, le=1e15)]
    """The margin in percent of the limit."""
    decides: bool
    """Whether the rule decides by it. Other rows show another precision or another count."""

    def describe(self) -> str:
        """Describe figure, limit and margin."""
        at = f" at {self.precision}" if self.precision is not None else ""
        apart = f"{abs(self.margin):,} ({abs(self.margin_percent):.1f} %)"
        return (
            f"{self.name}{at}: {self.value:,}, {apart} {'below' if self.holds else 'above'} the limit of {self.limit:,}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCheck:
    """The rule of a year."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    rule: Year
    """The year."""
    holds: bool
    """Whether all limits that decide hold."""
    limits: Annotated[tuple[LimitCheck, ...], Field(max_length=100)]
    """Its limits."""
    notes: Notes
    """Notes on the figures."""


def macs_per_second(macs: int, seconds: float) -> int:
    """Return the multiply-accumulates per second of audio, rounded up."""
    return -int(-macs // seconds)


def check_rules(counts: NetworkCounts, precision: Precision | None = None) -> tuple[RuleCheck, ...]:
    """Compare a network with the limits of every year.

    Parameters
    ----------
    counts
        The network.
    precision
        The future precision of its parameters, which decides limits of bytes; None for its present precision.
    """
    own = counts.storage[0].precision if precision is None else precision
    checks = []
    for year in YEARS:
        if year == "2021":
            limits, notes = _limits_2021(counts, own)
        elif year in ("2022", "2023"):
            limits, notes = _limits_2022(counts)
        else:
            limits, notes = _limits_2024(counts, own)
        if year != "2021" and counts.seconds is None:
            notes = (*notes, "how much audio an inference takes is not known: MACs are of one inference")
        holds = all(limit.holds for limit in limits if limit.decides)
        checks.append(RuleCheck(rule=year, holds=holds, limits=limits, notes=notes))
    return tuple(checks)


def enforce(checks: Sequence[RuleCheck], years: Sequence[Year]) -> None:
    """Check that the rules of some years hold.

    Raises
    ------
    MismatchError
        If a limit does not hold; the message names every such limit and its excess.
    """
    broken = [
        (check, limit)
        for check in checks
        if check.rule in years
        for limit in check.limits
        if limit.decides and not limit.holds
    ]
    if broken:
        lines = [f"rule of DCASE {check.rule}: {limit.describe()}" for check, limit in broken]
        raise MismatchError("; ".join(lines), hint=_remedy(broken))


def _remedy(broken: Sequence[tuple[RuleCheck, LimitCheck]]) -> str:
    """Return a hint for broken limits: a precision at which all would hold, if only bytes are exceeded."""
    if all(limit.unit == "bytes" for _, limit in broken):
        kept: list[set[Precision]] = []
        for check, limit in broken:
            others = (other for other in check.limits if other.name == limit.name and other.holds)
            kept.append({other.precision for other in others if other.precision is not None})
        for precision in ("float16", "int8"):
            if all(precision in precisions for precisions in kept):
                return f"stored as {precision} it holds: --precision {precision} goes by that"
    return "make the network smaller: fewer channels or layers, fewer frames or mel bands, larger strides"


def _limit(
    name: str,
    unit: Literal["bytes", "parameters", "MACs"],
    value: int,
    limit: int,
    *,
    precision: Precision | None = None,
    decides: bool = True,
) -> LimitCheck:
    margin = limit - value
    return LimitCheck(
        name=name,
        unit=unit,
        precision=precision,
        value=value,
        limit=limit,
        holds=margin >= 0,
        margin=margin,
        margin_percent=round(100 * margin / limit, 2),
        decides=decides,
    )


def _macs_limit(counts: NetworkCounts, macs: int, which: str = "", decides: bool = True) -> LimitCheck:
    if counts.seconds is None:
        return _limit(f"MACs per inference{which}", "MACs", macs, MACS, decides=decides)
    return _limit(f"MACs per second{which}", "MACs", macs_per_second(macs, counts.seconds), MACS, decides=decides)


def _byte_limits(
    counts: NetworkCounts, own: Precision, name: str, field: Literal["nonzero_bytes", "parameter_bytes"], limit: int
) -> tuple[LimitCheck, ...]:
    """Check a limit on bytes at every precision; the network's own precision decides."""
    return tuple(
        _limit(
            name,
            "bytes",
            getattr(storage, field),
            limit,
            precision=storage.precision,
            decides=storage.precision == own,
        )
        for storage in counts.storage
    )


def _limits_2021(counts: NetworkCounts, own: Precision) -> tuple[tuple[LimitCheck, ...], tuple[str, ...]]:
    limits = _byte_limits(counts, own, "non-zero parameter bytes", "nonzero_bytes", NONZERO_BYTES_2021)
    return limits, () if counts.trained else ("not trained: all parameters count as not zero",)


def _limits_2022(counts: NetworkCounts) -> tuple[tuple[LimitCheck, ...], tuple[str, ...]]:
    limits = [_limit("parameters", "parameters", counts.parameters, PARAMETERS_2022)]
    own = counts.storage[0]
    if own.precision == "int8":
        # that year's tool took the bytes of an int8 model for its parameters: 46,512 for the baseline's 45,990
        name = "bytes, as its tool counts"
        limits.append(_limit(name, "bytes", own.parameter_bytes, PARAMETERS_2022, precision="int8", decides=False))
    limits.append(_macs_limit(counts, counts.macs_2022))
    return tuple(limits), ()


def _limits_2024(counts: NetworkCounts, own: Precision) -> tuple[tuple[LimitCheck, ...], tuple[str, ...]]:
    limits = _byte_limits(counts, own, "parameter bytes", "parameter_bytes", PARAMETER_BYTES_2024)
    if counts.float_macs is not None:
        # the rule counts batch normalization itself; folded, its shifts are biases that count at every position
        of_float = _macs_limit(counts, counts.float_macs, ", float network")
        return (*limits, of_float, _macs_limit(counts, counts.macs, ", folded", decides=False)), ()
    folded = "a bias counts at every position, also where it is folded batch normalization"
    return (*limits, _macs_limit(counts, counts.macs)), (folded,) if counts.folded else ()
