"""Row kernels for Armv7E-M and Armv8-M with the DSP extension: two products of 16 bits in one instruction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asc_kit.hardware.board import Goal

from ...network.row_call import RowCall
from ...operators.base import Node
from .add import sum_chooser
from .convolution import narrow_convolution_row, quick_convolution_row
from .depthwise import depthwise_row
from .depthwise_taps import depthwise_taps_row
from .mul import product_row
from .pool import average_pool_row, max_pool_row

_ROW_KERNELS: Mapping[str, Callable[[Node], RowCall | None]] = {
    "ADD": sum_chooser(1),
    "AVERAGE_POOL_2D": average_pool_row,
    "DEPTHWISE_CONV_2D": lambda node: depthwise_row(node) or depthwise_taps_row(node),
    "MAX_POOL_2D": max_pool_row,
    "MUL": product_row,
    "SUB": sum_chooser(-1),
}
ROW_KERNELS: Mapping[Goal, Mapping[str, Callable[[Node], RowCall | None]]] = {
    "speed": {**_ROW_KERNELS, "CONV_2D": quick_convolution_row},
    "size": {**_ROW_KERNELS, "CONV_2D": narrow_convolution_row},
}
"""The kernels of one row, by goal and TFLite's name of the operator."""
