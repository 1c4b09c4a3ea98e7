"""Kernels for cores with Helium (Armv8.1-M MVE): Cortex-M55, M85."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...network.row_call import RowCall
from ...operators.base import Node
from .add import sum_chooser
from .conv_2d import conv_2d
from .depthwise_conv_2d import depthwise_conv_2d
from .mul import mul
from .pool_2d import average_pool_2d, max_pool_2d
from .reduce import mean_channels, reduce_max_channels

ROW_KERNELS: Mapping[str, Callable[[Node], RowCall | None]] = {
    "ADD": sum_chooser(1),
    "AVERAGE_POOL_2D": average_pool_2d,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "MAX_POOL_2D": max_pool_2d,
    "MEAN": mean_channels,
    "MUL": mul,
    "REDUCE_MAX": reduce_max_channels,
    "SUB": sum_chooser(-1),
}
"""The kernels of one row, by TFLite's name of the operator."""
