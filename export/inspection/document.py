"""The result of ``asc-kit inspect`` as one record: the terminal, the page and ``--json`` show nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.bundle import Fidelity
from asc_kit.dataset import Task
from asc_kit.quantization import QuantizationSettings
from asc_kit.records.fields import (
    MAX_OPERATORS,
    Count,
    Decibels,
    Figure,
    Gain,
    Index,
    Int8,
    Line,
    Loss,
    LossGain,
    Magnitude,
    Name,
    Notes,
    Real,
    Scale,
    Sha256,
    Shape,
    ShortId,
)
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT

ReferenceKind = Literal["run", "bundle"]
"""The float network that int8 is compared with: the run's; or the bundle's own, its weights as int8 left them."""
Rule = Literal[
    "accuracy", "bias", "clipping", "outliers", "channels", "fall", "unreached", "constant", "simulation", "nothing"
]
"""Which rule of docs/inspect.md a suggestion comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipsRecord:
    """The clips that the figures were measured on."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    source: Name
    """``golden``, or the name of the split."""
    clips: Count
    """Number of clips."""
    windows: Count
    """Number of inputs: of a longer recording, up to three windows are heard."""
    data_id: ShortId | None
    """Fingerprint of the clips; None for golden ones, which are part of the bundle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The figures of a network on these clips."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    score: Figure
    """Accuracy, 0 to 1; lwlrap of a multi-label network."""
    log_loss: Loss
    """Mean of -ln of the probability of the right answer, in nats."""
    moved: Figure
    """Share of the probability that lies on other classes than in the float network, 0 to 1: half the sum of the
    differences, mean over clips; of a multi-label network the mean difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How often values occur, in bins of equal width from the smallest to the largest seen."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    low: Real
    """Lower end of the first bin."""
    high: Real
    """Upper end of the last bin."""
    counts: Annotated[tuple[Count, ...], Field(max_length=10_000)]
    """Values in each bin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the simulated int8 network gains when one layer alone is computed in float: weights and output."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    rank: Count
    """1 for the layer that costs most."""
    score_gain: Gain
    """Gain in `Quality.score`; 0.01 is one point."""
    log_loss_gain: LossGain
    """By how much the log loss falls, in nats."""
    moved_gain: Gain
    """By how much `Quality.moved` falls."""
    mended: Count
    """Clips that become right; of a multi-label network, whose labels are ranked better."""
    broken: Count
    """Clips that become wrong, or are ranked worse."""
    certain: bool
    """Whether the gain exceeds chance: sum d > 2 sqrt(sum d²) over the gains d of the clips' scores; where
    each clip is right or wrong, mended - broken > 2 sqrt(mended + broken)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """One layer: an operator that computes new values, or the network's input."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    index: Index
    """Place of the operator in the flatbuffer; -1 for the input."""
    name: Line
    """Its name in the model."""
    op: Name
    """TFLite's name; ``INPUT`` for the input."""
    shape: Shape
    """Shape of its output, the batch of 1 first."""
    scale: Scale
    """Real units per step of the output."""
    zero_point: Int8
    """The int8 value of real 0."""
    sharing: Annotated[tuple[Index, ...], Field(max_length=MAX_OPERATORS)]
    """Indices of other layers that TFLite wants to have the same scale: before and after a pool, within a
    CONCATENATION."""
    lowest: Real
    """Real value of -128."""
    highest: Real
    """Real value of 127."""
    low: Real
    """Smallest value in float."""
    high: Real
    """Largest value in float."""
    inner_low: Real
    """The value that 0.1 % of the values are below."""
    inner_high: Real
    """The value that 0.1 % of the values are above."""
    clipped_low: Figure
    """Share of the values more than half a step below `lowest`, 0 to 1."""
    clipped_high: Figure
    """Share of the values more than half a step above `highest`, 0 to 1."""
    unused_codes: Figure
    """Share of the 256 int8 values that no value is rounded to, 0 to 1."""
    unreached: Figure
    """Share of the int8 range beyond the smallest and the largest value, 0 to 1."""
    channel_spread: Magnitude | None
    """Largest magnitude of the loudest channel over the lowest decile of the channels' largest magnitudes; channels
    of zeros left out. None of a layer without weights."""
    constant_share: Figure | None
    """Share of the noise of this layer alone that is the same for all clips and places: a mean error of each channel,
    which biases can take back. None of a layer without weights or noise."""
    sqnr_alone_db: Decibels | None
    """Signal-to-quantization-noise ratio when this layer alone is quantized, at least -100; None: no noise."""
    sqnr_db: Decibels | None
    """The same ratio when all layers up to this layer are quantized."""
    fall_db: Decibels | None
    """The fall of `sqnr_db` from the layer's worst input; None where no noise comes before the layer."""
    histogram: Histogram
    """The values in float."""
    kept: Kept
    """The gain of the network with this layer in float: the layer's cost."""

    @property
    def clipped(self) -> float:
        """Share of the values outside the int8 range."""
        return self.clipped_low + self.clipped_high


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A conspicuous finding, and a remedy to try."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    rule: Rule
    """The rule that it comes from."""
    layer: Index | None
    """`LayerRecord.index`; None for the whole network."""
    finding: Line
    """The finding."""
    advice: Line
    """The remedy, with its command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A whole inspection."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit inspect BUNDLE --json"

    schema_version: Literal[1]
    """Version of this record."""
    asc_kit: Name
    """Version of asc-kit that made the inspection."""
    name: Name
    """Name of the model."""
    model_sha256: Sha256
    """Hash of the int8 flatbuffer."""
    task: Task
    """Whether each clip has exactly one class."""
    quantization: QuantizationSettings
    """How the bundle was quantized."""
    representative_clips: Count
    """Training clips that set its ranges."""
    representative_id: ShortId
    """Their fingerprint."""
    reference: ReferenceKind
    """The float network that int8 is compared with."""
    clips: ClipsRecord
    """The clips that it was measured on."""
    of_float: Quality
    """The float network."""
    of_int8: Quality
    """The int8 network, reference kernels."""
    of_simulation: Quality
    """The int8 network simulated in float; all figures of layers come from it."""
    agreement: Fidelity
    """Agreement of the reference kernels with the simulation."""
    layers: Annotated[tuple[LayerRecord, ...], Field(max_length=MAX_OPERATORS)]
    """In order of execution."""
    suggestions: Annotated[tuple[Suggestion, ...], Field(max_length=MAX_OPERATORS)]
    """The gravest first."""
    notes: Notes
    """Remarks to read before the figures."""

    def layer(self, index: int) -> LayerRecord:
        """Return a layer by its index."""
        return next(layer for layer in self.layers if layer.index == index)

    @property
    def ranking(self) -> tuple[LayerRecord, ...]:
        """Return the layers, the costliest first."""
        return tuple(sorted(self.layers, key=lambda layer: layer.kept.rank))

    @property
    def score_name(self) -> str:
        """What `Quality.score` is."""
        return "accuracy" if self.task == "single_label" else "lwlrap"
