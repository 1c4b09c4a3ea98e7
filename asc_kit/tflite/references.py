"""Which kernels a network's int8 outputs equal, bit for bit: what the engine and the host both follow.

TFLite has several sets of kernels for one operator. The kit follows its reference kernels, BUILTIN_REF, wherever
these compute what the operator means; docs/operators.md says where they do not, and how far the sets are apart.
"""

from __future__ import annotations

from collections.abc import Iterable

from asc_kit.tflite.operator_codes import SUM, operator_codes

REFERENCE = "TFLite BUILTIN_REF"
"""What is followed for every operator that has no entry below."""
OTHER_REFERENCES = {"SUM": "TFLite Micro"}
"""By operator: BUILTIN_REF reads the int8 input of SUM as unsigned bytes, which no other set of kernels does."""


def reference_of(ops: Iterable[str]) -> str:
    """Return, in words, what is followed for a network with these operators.

    >>> reference_of(["CONV_2D", "SUM"])
    'TFLite BUILTIN_REF, but for SUM TFLite Micro'
    """
    others = [f"for {op} {OTHER_REFERENCES[op]}" for op in sorted(set(ops)) if op in OTHER_REFERENCES]
    return f"{REFERENCE}, but {', '.join(others)}" if others else REFERENCE


def reference_of_model(model: bytes) -> str:
    """Return the same for a flatbuffer, of which no more is read than the codes of its operators."""
    return reference_of(["SUM"] if SUM in operator_codes(model) else [])
