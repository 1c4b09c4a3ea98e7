"""Row kernels for Armv7E-M and Armv8-M with the DSP extension: two products of 16 bits in one instruction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...operators.base import Node
from ...row_call import RowCall
from .add import sum_chooser
from .convolution import convolution_row
from .depthwise import depthwise_row
from .mul import product_row
from .pool import average_pool_row, max_pool_row

ROW_KERNELS: Mapping[str, Callable[[Node], RowCall | None]] = {
    "ADD": sum_chooser(1),
    "AVERAGE_POOL_2D": average_pool_row,
    "CONV_2D": convolution_row,
    "DEPTHWISE_CONV_2D": depthwise_row,
    "MAX_POOL_2D": max_pool_row,
    "MUL": product_row,
    "SUB": sum_chooser(-1),
}
