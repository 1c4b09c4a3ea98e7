"""What ``asc-kit inspect`` finds, as one record: the terminal, the page and ``--json`` show nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from asc_kit.bundle import Fidelity
from asc_kit.dataset import Task
from asc_kit.migration import Migrations
from asc_kit.quantization import QuantizationSettings
from asc_kit.records import STRICT

ReferenceKind = Literal["run", "bundle"]
"""The float network that int8 is compared with: the run's; or the bundle's own, its weights as int8 left them."""
Rule = Literal[
    "accuracy", "bias", "clipping", "outliers", "channels", "fall", "unreached", "constant", "simulation", "nothing"
]
"""Which rule of docs/inspect.md a suggestion comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipsRecord:
    """What the network heard."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    source: str
    """``golden``, or the name of the split."""
    clips: int
    """Number of clips."""
    windows: int
    """Number of inputs: of a longer recording, up to three windows are heard."""
    data_id: str | None
    """Fingerprint of the clips; None for golden ones, which are part of the bundle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How well a network does on these clips."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    score: float
    """Share of clips classified rightly; of a multi-label network lwlrap. 0 to 1."""
    log_loss: float
    """Mean of -ln of the probability of the right answer, in nats."""
    moved: float
    """Share of the probability that is elsewhere than the float network puts it, 0 to 1: half the sum of the
    differences, mean over clips; of a multi-label network the mean difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How often values occur, in bins of equal width from the smallest to the largest seen."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    low: float
    """Lower end of the first bin."""
    high: float
    """Upper end of the last bin."""
    counts: tuple[int, ...]
    """Values in each bin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the simulated int8 network gains when one layer alone is computed in float: weights and output."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    rank: int
    """1 for the layer that costs most."""
    score_gain: float
    """Gain in `Quality.score`; 0.01 is one point."""
    log_loss_gain: float
    """By how much the log loss falls, in nats."""
    moved_gain: float
    """By how much `Quality.moved` falls."""
    mended: int
    """Clips that become right; of a multi-label network, whose labels are ranked better."""
    broken: int
    """Clips that become wrong, or are ranked worse."""
    certain: bool
    """Whether that is more than chance would have it: sum d > 2 sqrt(sum d²) over what the clips' scores grow by; where
    each clip is right or wrong, mended - broken > 2 sqrt(mended + broken)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """One layer: an operator that computes new values, or the network's input."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    index: int
    """Place of the operator in the flatbuffer; -1 for the input."""
    name: str
    """What the model calls it."""
    op: str
    """TFLite's name; ``INPUT`` for the input."""
    shape: tuple[int, ...]
    """Of its output, batch of 1 first."""
    scale: float
    """Real units per step of the output."""
    zero_point: int
    """The int8 value of real 0."""
    sharing: tuple[int, ...]
    """Indices of other layers that TFLite wants to have the same scale: before and after a pool, within a
    CONCATENATION."""
    lowest: float
    """Real value of -128."""
    highest: float
    """Real value of 127."""
    low: float
    """Smallest value in float."""
    high: float
    """Largest value in float."""
    inner_low: float
    """0.1 % of the values are below."""
    inner_high: float
    """0.1 % of the values are above."""
    clipped_low: float
    """Share of the values more than half a step below `lowest`, 0 to 1."""
    clipped_high: float
    """Share of the values more than half a step above `highest`, 0 to 1."""
    unused_codes: float
    """Share of the 256 int8 values that no value is rounded to, 0 to 1."""
    unreached: float
    """Share of the int8 range beyond the smallest and the largest value, 0 to 1."""
    channel_spread: float | None
    """Largest magnitude of the loudest channel, over that of the channel that only a tenth are quieter than; channels
    of zeros left out. None of a layer without weights."""
    constant_share: float | None
    """Share of the noise of this layer alone that is the same for all clips and places: a mean error of each channel,
    which biases can take back. None of a layer without weights or noise."""
    sqnr_alone_db: float | None
    """Signal-to-quantization-noise ratio when this layer alone is quantized, at least -100; None: no noise."""
    sqnr_db: float | None
    """The same when everything up to here is quantized."""
    fall_db: float | None
    """How far `sqnr_db` is below that of the worst of the layer's inputs; None where there is no noise before it."""
    histogram: Histogram
    """The values in float."""
    kept: Kept
    """What it costs."""

    @property
    def clipped(self) -> float:
        """Share of the values outside the int8 range."""
        return self.clipped_low + self.clipped_high


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Something conspicuous, and what may mend it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    rule: Rule
    """Why."""
    layer: int | None
    """`LayerRecord.index`; None for the whole network."""
    finding: str
    """What was seen."""
    advice: str
    """What to try, with the command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The whole."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit inspect BUNDLE --json"

    schema_version: Literal[1]
    """Version of this record."""
    asc_kit: str
    """Version that looked."""
    name: str
    """Name of the model."""
    model_sha256: str
    """Hash of the int8 flatbuffer."""
    task: Task
    """Whether each clip has exactly one class."""
    quantization: QuantizationSettings
    """How the bundle was quantized."""
    representative_clips: int
    """Training clips that set its ranges."""
    representative_id: str
    """Their fingerprint."""
    reference: ReferenceKind
    """What int8 is compared with."""
    clips: ClipsRecord
    """What it heard."""
    of_float: Quality
    """The float network."""
    of_int8: Quality
    """The int8 network, reference kernels."""
    of_simulation: Quality
    """The int8 network as simulated in float, from which all figures of layers come."""
    agreement: Fidelity
    """Reference kernels against the simulation."""
    layers: tuple[LayerRecord, ...]
    """In order of execution."""
    suggestions: tuple[Suggestion, ...]
    """The gravest first."""
    notes: tuple[str, ...]
    """What to know before reading the figures."""

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
