"""Numbers as tables and pages write them."""

from __future__ import annotations

import math

from .document import Inspection, LayerRecord, Quality

# a table has no room for TFLite's own names
_SHORT = {
    "AVERAGE_POOL_2D": "POOL", "CONCATENATION": "CONCAT", "CONV_2D": "CONV", "DEPTHWISE_CONV_2D": "DW",
    "FULLY_CONNECTED": "FC", "HARD_SWISH": "SWISH", "LEAKY_RELU": "LEAKY", "LOGISTIC": "SIGM", "SOFTMAX": "SOFTM",
}  # fmt: skip


def short_op(op: str) -> str:
    """Write an operator in six letters."""
    return _SHORT.get(op, op[:6])


def write_number(value: float) -> str:
    """Write a value of an activation."""
    return f"{value:.3g}" if abs(value) < 1e5 else f"{value:.1e}"


def write_range(low: float, high: float) -> str:
    """Write a range, both ends to the same place: three digits of the larger."""
    largest = max(abs(low), abs(high))
    if not 1e-4 <= largest < 1e5:
        return f"{write_number(low)} … {write_number(high)}"
    places = max(0, 2 - math.floor(math.log10(largest)))
    return " … ".join(f"{value:.{places}f}" if value else "0" for value in (low, high))


def write_decibels(ratio: float | None) -> str:
    """Write a signal-to-noise ratio; none where there is no noise."""
    return "–" if ratio is None else f"{ratio:.1f}"


def write_percent(share: float) -> str:
    """Write a share from 0 to 1 in percent; a share above 0 never becomes 0."""
    return "<0.01" if 0 < share < 0.00005 else f"{100 * share:.2f}" if share < 0.0995 else f"{100 * share:.0f}"


def write_points(gain: float) -> str:
    """Write a gain in points of accuracy or lwlrap."""
    return f"{100 * gain:+.2f}" if gain else "0"


def write_gain(value: float) -> str:
    """Write a gain in log loss."""
    return f"{value:+.4f}"


def write_row_number(layer: LayerRecord) -> str:
    """Write the place of a layer; the input has none."""
    return str(layer.index) if layer.index >= 0 else ""


def title_of(layer: LayerRecord) -> str:
    """Name a layer in a sentence."""
    return "the input" if layer.index < 0 else f"layer {layer.index} {layer.name} ({short_op(layer.op)})"


def settings_of(inspection: Inspection) -> str:
    """Say how the bundle was quantized."""
    settings = inspection.quantization
    calibration = settings.calibration.replace("_", "-")
    if settings.calibration == "percentile":
        calibration += f" {settings.percentile:g}"
    extras = [
        name
        for name, on in (("equalized", settings.equalization), ("biases corrected", settings.bias_correction))
        if on
    ]
    return ", ".join(
        (settings.method.upper(), calibration, f"ranges from {inspection.representative_clips} training clips", *extras)
    )


def quality_rows(inspection: Inspection) -> tuple[tuple[str, str, str, str], ...]:
    """Return a row for each network: name, score, log loss, moved probability."""
    rows: tuple[tuple[str, Quality], ...] = (
        ("float", inspection.of_float),
        ("int8, reference kernels", inspection.of_int8),
        ("int8, simulated in float", inspection.of_simulation),
    )
    return tuple(
        (name, f"{100 * quality.score:.2f}", f"{quality.log_loss:.4f}", f"{100 * quality.moved:.2f}")
        for name, quality in rows
    )


def agreement_sentence(inspection: Inspection) -> str:
    """Say how closely the kernels follow the simulation."""
    fidelity = inspection.agreement
    return (
        f"Kernels against simulation, {fidelity.windows:,} inputs: outputs differ by {fidelity.mean_steps:.2f} int8 "
        f"steps in the mean, {fidelity.max_steps:.1f} at most; same class for {100 * fidelity.same_class:.1f}\u00a0%."
    )
