"""MEAN and REDUCE_MAX over the channels for Helium: equations (21) and (22) of docs/quantization.md."""

from __future__ import annotations

from ...network.kernel_call import FieldValue, KernelCall
from ...network.row_call import RowCall, Window
from ...operators.base import AnyNode, Node
from ...operators.reduce import Mean, ReduceAttributes

_CHANNELS = 3  # the axis


def mean_channels(node: AnyNode) -> RowCall | None:
    """Return the kernel of one row, or None: other axes, scales that need a left shift."""
    count = node.inputs[0].shape[-1]
    _, _, constants = Mean().constants(node, count)
    values = {name: value for name, value in constants if isinstance(value, int)}
    if values["shift"] > -1 or values["multiplier"] == 0:
        return None
    return _over_channels(
        node,
        "asc_mean_channels_mve",
        (
            ("offset", -values["input_zero_point"] * count),
            ("multiplier", values["multiplier"]),
            ("shift", values["shift"]),
            ("zero_point", values["zero_point"]),
        ),
    )


def reduce_max_channels(node: AnyNode) -> RowCall | None:
    """Return the kernel of one row, or None: other axes."""
    return _over_channels(node, "asc_reduce_max_channels_mve", ())


def _over_channels(
    node: Node[ReduceAttributes], kernel: str, fields: tuple[tuple[str, FieldValue], ...]
) -> RowCall | None:
    attributes = node.attributes
    source, output = node.inputs[0], node.output
    if len(source.shape) != 4 or attributes.axes != (_CHANNELS,) or output.shape != (*source.shape[:_CHANNELS], 1):
        return None
    call = KernelCall(
        kernel=kernel,
        struct="asc_reduce_channels_mve_t",
        fields=(("columns", source.shape[2]), ("channels", source.shape[3]), *fields),
        inputs=(source.index,),
        overlap=(0,),
        macs=0,
    )
    return RowCall(call=call, windows=(Window(),), takes_rows=False)
