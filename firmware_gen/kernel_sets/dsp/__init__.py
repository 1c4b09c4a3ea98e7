"""Kernels for Armv7E-M and Armv8-M with the DSP extension: two products of 16 bits in one instruction."""

from __future__ import annotations

from ...network.row_call import OVER_READ
from ..fully_connected import fully_connected_dsp
from ..kernel_set import KernelSet
from .add import sum_chooser
from .convolution import narrow_convolution_row, quick_convolution_row
from .depthwise import depthwise_row
from .depthwise_taps import depthwise_taps_row
from .mul import product_row
from .pool import average_pool_row, max_pool_row

KERNEL_SET = KernelSet(
    name="dsp",
    header="asc_kernels_dsp.h",
    requires="defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP",
    copy_kernel="asc_copy_row_dsp",
    row_kernels={
        "ADD": sum_chooser(1),
        "AVERAGE_POOL_2D": average_pool_row,
        "CONV_2D": quick_convolution_row,
        "DEPTHWISE_CONV_2D": lambda node: depthwise_row(node) or depthwise_taps_row(node),
        "MAX_POOL_2D": max_pool_row,
        "MUL": product_row,
        "SUB": sum_chooser(-1),
    },
    small_row_kernels={"CONV_2D": narrow_convolution_row},
    whole_kernels={"FULLY_CONNECTED": fully_connected_dsp},
    over_read_bytes=OVER_READ,
    # Cortex-A has the instructions too, but not this assembler
    condition="defined(__ARM_FEATURE_DSP) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'",
)
