"""What ``asc-kit complexity`` says of a subject: a record, shown as a table or as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from asc_kit.challenge_rules import NetworkCounts, RuleCheck
from asc_kit.migration import Migrations
from asc_kit.records import STRICT

from .complexity import LayerComplexity

Kind = Literal["recipe", "run", "bundle", "model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatNetwork:
    """The float network that a bundle was made from, batch normalization counted."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    parameters: int
    """Weights, biases, scales and shifts; heads that only training has are left out."""
    macs: int
    """Multiply-accumulates of one inference by the rule of 2024."""
    macs_per_second: int
    """The same per second of audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The network as the engine runs it: batch normalization folded, int8."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    parameters: int
    """Weights and biases."""
    constant_bytes: int
    """All constants in flash: weights, biases, multipliers and tables, as the kernels want them."""
    flatbuffer_bytes: int
    """The .tflite file, which the engine does not need."""
    macs: int
    """Multiply-accumulates of one inference as executed."""
    arena_bytes: int
    """Activation memory."""
    overlap_bound_bytes: int
    """What any placement of the activations needs."""
    liveness_bound_bytes: int
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
    name: str
    """Its name."""
    counts: NetworkCounts
    """Sums over its layers."""
    layers: tuple[LayerComplexity, ...]
    """Every layer that some rule counts, or every operator of a flatbuffer."""
    rules: tuple[RuleCheck, ...]
    """Every year's limits."""
    float_network: FloatNetwork | None
    """Of a bundle, what it was made from."""
    deployed: Deployed | None
    """As the engine runs it; None where that is not known."""
    not_deployed: str | None
    """Why it is not known."""
