"""Findings and remedies: the rules of docs/inspect.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from asc_kit.bundle import Fidelity
from asc_kit.quantization import QuantizationSettings

from .document import LayerRecord, Quality, Rule, Suggestion
from .words import title_of

LOST_SCORE = 0.005
"""Least loss of the whole network to report: 0.5 points."""
CLIPPED = 0.01
"""Share of values outside the int8 range."""
LOW_DB = 25.0
"""Clipping matters below this signal-to-quantization-noise ratio of a layer alone."""
FAIR_DB = 30.0
"""All else matters below this ratio; well-filled ranges give 30 to 45 dB."""
OUTLIERS = 0.25
"""Share of the range that holds 99.8 % of the values."""
CHANNELS = 16.0
"""Times by which the loudest channel exceeds the quiet ones: four of the eight bits."""
CONSTANT = 0.5
"""Share of a layer's noise that is a mean error of its channels."""
FALL_DB = 6.0
"""Loss in one layer: one bit."""
UNREACHED = 0.5
"""Share of the int8 range beyond all values: one bit."""
SAME_CLASS = 0.98
"""Figures of layers are doubtful below this agreement of kernels and simulation."""
_MOST_TIES = 2
_MOST_LAYERS = 5
# TFLite gives their outputs one scale, whatever the values
_PRESCRIBED = ("LOGISTIC", "SOFTMAX", "TANH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The input of the rules."""

    layers: tuple[LayerRecord, ...]
    """In order of execution."""
    settings: QuantizationSettings
    """How the bundle was quantized."""
    of_float: Quality
    """The float network."""
    of_int8: Quality
    """The int8 network."""
    agreement: Fidelity
    """Kernels against simulation."""
    n_clips: int
    """Number of clips."""
    has_run: bool
    """Whether `of_float` is the run's network."""
    score_name: str
    """What `Quality.score` is."""


def suggestions_for(findings: Findings) -> tuple[Suggestion, ...]:
    """Return suggestions, the gravest first: for the whole network, then for layers in order of their cost.

    A layer is named by the first rule that it breaks. If many layers break a rule, the costliest are named, and the
    last suggestion says how many more there are.
    """
    made = [*_whole(findings)]
    ranked = sorted(findings.layers, key=lambda layer: layer.kept.rank)
    named: set[int] = set()
    for rule in _RULES:
        hits = [
            (layer, hit) for layer in ranked if layer.index not in named and (hit := rule(layer, findings)) is not None
        ]
        named |= {layer.index for layer, _ in hits}
        more = len(hits) - _MOST_LAYERS
        for number, (layer, (name, finding, advice)) in enumerate(hits[:_MOST_LAYERS], start=1):
            rest = f"; {more} more layers likewise" if more > 0 and number == _MOST_LAYERS else ""
            made.append(Suggestion(rule=name, layer=layer.index, finding=finding + rest, advice=advice))
    if not made:
        return (
            Suggestion(
                rule="nothing", layer=None, finding="nothing conspicuous", advice="leave the quantization as it is"
            ),
        )
    if made[0].rule != "accuracy" and any(suggestion.layer is not None for suggestion in made):
        made.insert(0, _no_loss(findings))
    return tuple(made)


def command(*options: str) -> str:
    """Return the command of an export with other options."""
    return f"asc-kit export RUN --out BUNDLE {' '.join(options)}"


Hit = tuple[Rule, str, str]
"""Rule, finding, advice."""
LayerRule = Callable[[LayerRecord, Findings], Hit | None]


def _whole(findings: Findings) -> Iterator[Suggestion]:
    lost = findings.of_float.score - findings.of_int8.score
    # a single clip is no loss
    if lost > LOST_SCORE and lost * findings.n_clips > 1.5:
        yield _loss(findings, lost)
    others = (1 - findings.agreement.same_class) * findings.agreement.windows
    if findings.agreement.same_class < SAME_CLASS and others > _MOST_TIES + 0.5:
        yield Suggestion(
            rule="simulation",
            layer=None,
            finding="kernels and simulation find the same class for only "
            f"{100 * findings.agreement.same_class:.1f} % of the inputs, "
            f"{findings.agreement.mean_steps:.1f} output steps apart in the mean",
            advice="treat the figures of layers as hints; int8 accuracy is measured with the kernels themselves",
        )


def _loss(findings: Findings, lost: float) -> Suggestion:
    """Say how much int8 loses, and which layer alone in float regains most of it, if that exceeds chance."""
    against = "the float network" if findings.has_run else "the same weights with float activations"
    finding = f"int8 loses {100 * lost:.1f} points of {findings.score_name} against {against}"
    sure = min(
        (layer for layer in findings.layers if layer.kept.certain), key=lambda layer: layer.kept.rank, default=None
    )
    if sure is not None:
        finding += f"; {title_of(sure)} alone in float brings back {100 * sure.kept.score_gain:.1f}"
    if sure is not None and sure.op in _PRESCRIBED:
        advice = "its outputs differ by less than the step that TFLite prescribes: train until they differ more"
    elif findings.settings.method == "ptq":
        advice = f"fine-tune it under quantization: {command('--quantize qat')}"
    else:
        advice = f"begin with another calibration: {command('--quantize qat', _other(findings.settings))}"
    return Suggestion(rule="accuracy", layer=None, finding=finding, advice=advice)


def _no_loss(findings: Findings) -> Suggestion:
    """Say that the following suggestions need no action."""
    lost = 100 * (findings.of_float.score - findings.of_int8.score)
    return Suggestion(
        rule="accuracy",
        layer=None,
        finding=f"int8 loses nothing significant: {lost:.1f} points of {findings.score_name} are within "
        f"{100 * LOST_SCORE:g} points or one clip",
        advice="the suggestions below show where noise comes from; for these clips no change is needed",
    )


def _other(settings: QuantizationSettings) -> str:
    return "--calibration percentile" if settings.calibration != "percentile" else "--calibration mse"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"


def _layers(indices: tuple[int, ...]) -> str:
    named = ["the input" if index < 0 else f"layer {index}" for index in indices[:3]]
    return ", ".join(named) + (f" and {len(indices) - 3} more" if len(indices) > 3 else "")


def _is_low(sqnr_db: float | None, limit: float) -> bool:
    return sqnr_db is not None and sqnr_db < limit


def _clipping(layer: LayerRecord, findings: Findings) -> Hit | None:
    if layer.clipped <= CLIPPED or not _is_low(layer.sqnr_alone_db, LOW_DB) or layer.op in _PRESCRIBED:
        return None
    finding = (
        f"{_percent(layer.clipped)} of the values lie outside the int8 range {layer.lowest:.3g} to "
        f"{layer.highest:.3g}; seen: {layer.low:.3g} to {layer.high:.3g}"
    )
    if findings.settings.calibration != "min_max":
        return "clipping", finding, f"keep all values: {command('--calibration min_max')}"
    many = 2 * max(100, findings.settings.representative_clips)
    return "clipping", finding, f"set ranges from more clips: {command(f'--representative {many}')}"


def _outliers(layer: LayerRecord, findings: Findings) -> Hit | None:
    inner = max(layer.inner_high, 0.0) - min(layer.inner_low, 0.0)
    # what calibration has cut off is no outlier any more, and a range that nothing reaches is another matter
    reached = max(min(layer.high, layer.highest), 0.0) - min(max(layer.low, layer.lowest), 0.0)
    share = inner / reached if reached else 1.0
    if share >= OUTLIERS or layer.high == layer.low or layer.op in _PRESCRIBED:
        return None
    if not _is_low(layer.sqnr_alone_db, FAIR_DB):
        return None
    finding = (
        f"outliers set the range: 99.8 % of the values lie within {_percent(share)} of it, "
        f"{layer.inner_low:.3g} to {layer.inner_high:.3g}"
    )
    return "outliers", finding, f"cut them off: {command(_other(findings.settings))}"


def _channels(layer: LayerRecord, findings: Findings) -> Hit | None:
    spread = layer.channel_spread
    if spread is None or spread <= CHANNELS or not _is_low(layer.sqnr_alone_db, FAIR_DB):
        return None
    finding = f"its loudest channel is {spread:,.0f} times as large as its quiet ones, which share its scale"
    if findings.settings.equalization:
        return "channels", finding, f"equalization did not help: {command('--quantize qat')}"
    return "channels", finding, f"equalize the channels: {command('--equalize')}"


def _bias(layer: LayerRecord, findings: Findings) -> Hit | None:
    share = layer.constant_share
    if share is None or share <= CONSTANT or not _is_low(layer.sqnr_alone_db, FAIR_DB) or layer.clipped > CLIPPED:
        return None
    finding = f"{_percent(share)} of its noise is a mean error of each channel, the same for all clips"
    if findings.settings.bias_correction:
        return "bias", finding, f"bias correction did not help: {command('--quantize qat')}"
    return "bias", finding, f"correct it through the biases: {command('--correct-bias')}"


def _fall(layer: LayerRecord, findings: Findings) -> Hit | None:
    if layer.fall_db is None or layer.fall_db <= FALL_DB or layer.sqnr_db is None or layer.sqnr_db >= FAIR_DB:
        return None
    finding = f"the signal-to-noise ratio falls by {layer.fall_db:.1f} dB here, to {layer.sqnr_db:.1f} dB"
    if _is_low(layer.sqnr_alone_db, layer.sqnr_db + 3):
        finding += ", by this layer's own rounding"
    else:
        finding += ": it amplifies the noise of its input"
    if findings.settings.method == "qat":
        return "fall", finding, "fine-tuning is done already; if accuracy is lost, use a wider layer or another kind"
    return "fall", finding, f"let the weights adapt: {command('--quantize qat')}"


def _unreached(layer: LayerRecord, findings: Findings) -> Hit | None:
    if layer.unreached <= UNREACHED or layer.high == layer.low or layer.op in _PRESCRIBED:
        return None
    if not _is_low(layer.sqnr_alone_db, FAIR_DB):
        return None
    finding = (
        f"{_percent(layer.unreached)} of the int8 range {layer.lowest:.3g} to {layer.highest:.3g} is never reached; "
        f"seen: {layer.low:.3g} to {layer.high:.3g}"
    )
    if layer.sharing:
        finding += f"; it shares its scale with {_layers(layer.sharing)}"
        return "unreached", finding, f"let the weights adapt to that scale: {command('--quantize qat')}"
    return "unreached", finding, f"use a tighter range: {command(_other(findings.settings))}"


def _constant(layer: LayerRecord, findings: Findings) -> Hit | None:
    if layer.high > layer.low:
        return None
    return (
        "constant",
        f"always gives {layer.low:.3g}",
        "a dead layer: train longer, or with a smaller learning rate",
    )


_RULES: Sequence[LayerRule] = (_clipping, _outliers, _channels, _bias, _unreached, _fall, _constant)
