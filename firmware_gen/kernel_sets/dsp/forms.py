"""How accumulators become outputs in these kernels: formula (15'') of requantization_search.py, in three forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...arithmetic.requantization_search import Requantization, Sums, find_requantization, reachable_sums
from ...arithmetic.scales import activation_range, channel_scales
from ...network.graph import Activation, Tensor
from ...operators.base import AnyNode
from ...operators.weights import folded_bias, weight_scales

POSITIVE, SIGNED, GENERAL = 0, 1, 2
"""ASC_FORM_* of asc_kernels_dsp.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a form can express."""

    form: int
    """ASC_FORM_*."""
    shift: int | None
    """Its right shift; None: any, and any range of the output."""
    signed: bool
    """Whether it has a constant for negative sums."""


CONVOLUTION = (
    Rule(form=POSITIVE, shift=12, signed=False),
    Rule(form=SIGNED, shift=13, signed=True),
    Rule(form=GENERAL, shift=None, signed=True),
)
"""Forms of asc_conv_row_dsp, the cheapest first."""
DEPTHWISE = (
    # few taps have large scales, for which multipliers of larger shifts have more than 31 bits
    Rule(form=POSITIVE, shift=10, signed=False),
    Rule(form=GENERAL, shift=None, signed=True),
)
"""Forms of the depthwise kernels."""
TAPS = (Rule(form=GENERAL, shift=None, signed=True),)
"""The form of asc_depthwise_taps_dsp."""
_RAISE = 8  # weights are widened to 256 times their value
_INT8 = (-128, 127)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form:
    """The form that all channels of an operator share, and their constants."""

    form: int
    """POSITIVE, SIGNED or GENERAL."""
    constants: Requantization
    """Formula (15'')."""
    start: NDArray[np.int64]
    """Initial values of the accumulators: bias and addend, wrapped to 32 bits, shape [channels]."""
    range: tuple[int, int]
    """Least and largest output; forms other than GENERAL have those of int8."""

    @property
    def raised(self) -> bool:
        """Whether weights are widened to 256 times their value."""
        return self.constants.prescale == _RAISE

    def words(self, channels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the constants of some channels as kernels read them: start, multiplier, rounding, negative; [n, 4]."""
        constants = self.constants
        return np.stack([self.start, constants.multiplier, constants.rounding, constants.negative], axis=1)[channels]


def choose_form(
    node: AnyNode, by_channel: NDArray[np.int64], activation: Activation, rules: Sequence[Rule]
) -> Form | None:
    """Search the cheapest form that is exact for all channels of a convolution.

    Parameters
    ----------
    node
        The operator.
    by_channel
        Its weights, shape [channels, taps].
    activation
        Its fused activation.
    rules
        The forms the kernel has.

    Returns
    -------
    Form | None
        None when there is none.
    """
    bias, _ = folded_bias(node, by_channel)
    low, high = reachable_sums(bias, by_channel)
    sums = Sums(
        low=low,
        high=high,
        scales=channel_scales(_effective_scales(node.inputs[0], node.inputs[1], node.output)),
        zero_point=node.output.zero_point,
        output_range=activation_range(activation, node.output),
    )
    for rule in rules:
        constants = _find(sums, rule)
        if constants is not None:
            start = (bias << constants.prescale) + constants.addend
            wrapped = (start + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
            return Form(form=rule.form, constants=constants, start=wrapped, range=sums.output_range)
    return None


def _find(sums: Sums, rule: Rule) -> Requantization | None:
    if rule.shift is None:
        return find_requantization(sums, prescale=_RAISE) or find_requantization(sums)
    if sums.output_range != _INT8:
        return None
    constants = find_requantization(sums, prescale=_RAISE, shift=rule.shift)
    return None if constants is None or (constants.has_negative and not rule.signed) else constants


def _effective_scales(source: Tensor, weights: Tensor, output: Tensor) -> list[float]:
    return [source.scale * scale / output.scale for scale in weight_scales(weights, output.shape[-1])]
