"""The report of ``asc-kit complexity``: a record, shown as a table or as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.challenge_rules import NetworkCounts, RuleCheck
from asc_kit.records.fields import MAX_OPERATORS, Count, Line, Prose
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT

from .counting import LayerComplexity

Kind = Literal["recipe", "run", "bundle", "model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatNetwork:
    """The float network of a bundle, before batch normalization was folded."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    parameters: Count
    """Weights, biases, scales and shifts; without heads that only training has."""
    macs: Count
    """Multiply-accumulates of one inference by the rule of 2024."""
    macs_per_second: Count
    """The same per second of audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The network as the engine runs it: batch normalization folded, int8."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    parameters: Count
    """Weights and biases."""
    constant_bytes: Count
    """All constants in flash: weights, biases, multipliers and tables, as the kernels read them."""
    flatbuffer_bytes: Count
    """Size of the .tflite file, which the engine does not need."""
    macs: Count
    """Multiply-accumulates of one inference as executed."""
    arena_bytes: Count
    """Activation memory."""
    overlap_bound_bytes: Count
    """Lower bound of the activation memory for any placement."""
    liveness_bound_bytes: Count
    """The same bound if no output may overlap its input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplexityReport:
    """The whole report."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit complexity RUN --json"

    schema_version: Literal[1] = 1
    """Version of this record."""
    kind: Kind
    """Kind of the subject."""
    name: Line
    """Its name."""
    counts: NetworkCounts
    """Sums over its layers."""
    layers: Annotated[tuple[LayerComplexity, ...], Field(max_length=MAX_OPERATORS)]
    """Every layer that any rule counts, or every operator of a flatbuffer."""
    rules: Annotated[tuple[RuleCheck, ...], Field(max_length=100)]
    """Every year's limits."""
    float_network: FloatNetwork | None
    """The float network that a bundle was made from; None for other subjects."""
    deployed: Deployed | None
    """The network as the engine runs it; None if unknown."""
    not_deployed: Prose | None
    """Reason why it is unknown."""
