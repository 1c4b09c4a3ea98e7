"""What ``asc-kit complexity`` says of a subject: a record, shown as a table or as JSON."""

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
    """The float network that a bundle was made from, batch normalization counted."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    parameters: Count
    """Weights, biases, scales and shifts; heads that only training has are left out."""
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
    """All constants in flash: weights, biases, multipliers and tables, as the kernels want them."""
    flatbuffer_bytes: Count
    """The .tflite file, which the engine does not need."""
    macs: Count
    """Multiply-accumulates of one inference as executed."""
    arena_bytes: Count
    """Activation memory."""
    overlap_bound_bytes: Count
    """What any placement of the activations needs."""
    liveness_bound_bytes: Count
    """The same where no output may overlap its input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplexityReport:
    """Everything that is said."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit complexity RUN --json"

    schema_version: Literal[1] = 1
    """Version of this record."""
    kind: Kind
    """What the subject is."""
    name: Line
    """Its name."""
    counts: NetworkCounts
    """Sums over its layers."""
    layers: Annotated[tuple[LayerComplexity, ...], Field(max_length=MAX_OPERATORS)]
    """Every layer that some rule counts, or every operator of a flatbuffer."""
    rules: Annotated[tuple[RuleCheck, ...], Field(max_length=100)]
    """Every year's limits."""
    float_network: FloatNetwork | None
    """Of a bundle, what it was made from."""
    deployed: Deployed | None
    """As the engine runs it; None where that is not known."""
    not_deployed: Prose | None
    """Why it is not known."""
