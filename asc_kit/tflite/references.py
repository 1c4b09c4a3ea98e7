"""The reference kernels: the engine's and the host's int8 outputs equal theirs, bit for bit.

TFLite has several sets of kernels for one operator. The kit follows its reference kernels, BUILTIN_REF, wherever
these are right; docs/operators.md lists where they are not, and how far the sets differ.
"""

from __future__ import annotations

from collections.abc import Iterable

from asc_kit.tflite.operator_codes import SUM, operator_codes

REFERENCE = "TFLite BUILTIN_REF"
"""The reference of every operator without an entry below."""
OTHER_REFERENCES = {"SUM": "TFLite Micro"}
"""Other references, by operator: BUILTIN_REF reads SUM's int8 input as unsigned bytes, as no other kernels do."""


def reference_of(ops: Iterable[str]) -> str:
    """Return, in words, the reference of a network with these operators.

    >>> reference_of(["CONV_2D", "SUM"])
    'TFLite BUILTIN_REF, but for SUM TFLite Micro'
    """
    others = [f"for {op} {OTHER_REFERENCES[op]}" for op in sorted(set(ops)) if op in OTHER_REFERENCES]
    return f"{REFERENCE}, but {', '.join(others)}" if others else REFERENCE


def reference_of_model(model: bytes) -> str:
    """Return the reference of a flatbuffer, from the codes of its operators alone."""
    return reference_of(["SUM"] if SUM in operator_codes(model) else [])
