"""Kernels for cores with Helium (Armv8.1-M MVE): Cortex-M55, M85."""

from __future__ import annotations

from ...network.row_call import OVER_READ
from ..fully_connected import fully_connected_mve
from ..kernel_set import KernelSet
from .add import sum_chooser
from .conv_2d import conv_2d
from .depthwise_conv_2d import depthwise_conv_2d
from .mul import mul
from .pool_2d import average_pool_2d, max_pool_2d
from .reduce import mean_channels, reduce_max_channels

KERNEL_SET = KernelSet(
    name="mve",
    header="asc_kernels_mve.h",
    requires="defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)",
    copy_kernel="asc_copy_row_mve",
    row_kernels={
        "ADD": sum_chooser(1),
        "AVERAGE_POOL_2D": average_pool_2d,
        "CONV_2D": conv_2d,
        "DEPTHWISE_CONV_2D": depthwise_conv_2d,
        "MAX_POOL_2D": max_pool_2d,
        "MEAN": mean_channels,
        "MUL": mul,
        "REDUCE_MAX": reduce_max_channels,
        "SUB": sum_chooser(-1),
    },
    whole_kernels={"FULLY_CONNECTED": fully_connected_mve},
    over_read_bytes=OVER_READ,
    condition="defined(__ARM_FEATURE_MVE)",
)
