"""Every operator that the engine has is known in every other room, or is named here with the reason why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from float_cases import FLOAT_OPERATORS
from int8_cases import STRATEGIES, examples

from asc_kit.export.inspection.suggestions import _PRESCRIBED
from asc_kit.export.network.operators import OPERATORS
from asc_kit.export.network.operators.definition import Definition, pass_on, round_once
from asc_kit.export.quantization.scheme import FIXED_OUTPUT, SAME_SCALE
from asc_kit.firmware_gen.operators import REGISTRY
from asc_kit.tflite.decoder import Decoder
from asc_kit.tflite.operator_codes import STATE_OPERATORS
from asc_kit.tflite.shape_rules import RULES
from asc_kit.train.complexity.operators import RULES as COUNTED

ROOT = Path(__file__).parents[2]
# of the engine, for models of others: TensorFlow's converter makes something else of what the recipes' layers compute
NOT_EXPORTED = {
    *(
        "ABS",
        "DEPTH_TO_SPACE",
        "MAXIMUM",
        "MINIMUM",
        "PACK",
        "PRELU",
        "QUANTIZE",
        "RELU_0_TO_1",
        "RELU_N1_TO_1",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "SPACE_TO_DEPTH",
    ),
    *("EXP", "LOG", "NEG", "RSQRT", "SQUARED_DIFFERENCE", "SUM", "TRANSPOSE_CONV"),
    *("UNIDIRECTIONAL_SEQUENCE_LSTM", "UNPACK"),
}


def first_column(document: str, heading: str) -> set[str]:
    """Operators in the first column of the table under a heading."""
    text = (ROOT / document).read_text()
    assert heading in text
    rows = re.findall(r"^\| ([^|]*) \|", text.split(heading)[1].split("\n## ")[0], re.M)
    return {name for row in rows for name in re.findall(r"[A-Z][A-Z0-9_]+", row)}


ROOMS: dict[str, set[str]] = {
    "asc_kit/tflite/shape_rules.py": {*RULES},
    "train/complexity/operators.py": {*COUNTED},
    "export/network/operators": {*OPERATORS, *NOT_EXPORTED},
    "docs/engine/use.md": first_column("docs/engine/use.md", "## Operators\n"),
    "tests/support/int8_cases.py": {
        op for kind in STRATEGIES for case in examples(kind, 6) for op in Decoder(case.model).ops()
    },
}


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_lacks_an_operator_of_the_engine(room: str) -> None:
    assert len(REGISTRY) > 30
    # tests/unit/test_state.py and the random networks have those of variables
    lacking = sorted({*REGISTRY} - STATE_OPERATORS - ROOMS[room])
    assert not lacking, f"{room} lacks {', '.join(lacking)}"


def test_what_export_writes_the_engine_takes() -> None:
    lacking = sorted({*OPERATORS} - {*REGISTRY})
    assert not lacking, f"firmware_gen/operators lacks {', '.join(lacking)}"
    assert not NOT_EXPORTED & {*OPERATORS} and {*REGISTRY} >= NOT_EXPORTED
    lacking = sorted({*OPERATORS} - {*FLOAT_OPERATORS})
    assert not lacking, f"tests/support/float_cases.py lacks {', '.join(lacking)}"


def test_documents_have_the_scales_of_the_code() -> None:
    text = (ROOT / "docs" / "quantization.md").read_text()
    (shared,) = re.findall(r"^\| ([A-Z0-9_, ]+) \| all inputs and outputs share", text, re.M)
    assert set(shared.split(", ")) == SAME_SCALE
    fixed = re.findall(r"^\| ([A-Z0-9_, ]+) \| output: scale 1/(\d+), zero point (−?\d+) \|", text, re.M)
    stated = {op: (1 / int(n), int(zero.replace("−", "-"))) for ops, n, zero in fixed for op in ops.split(", ")}
    assert stated == {op: (one.scale, one.zero_point) for op, one in FIXED_OUTPUT.items()}
    assert set(_PRESCRIBED) == set(FIXED_OUTPUT)


def test_rounding_is_said_of_every_operator() -> None:
    with pytest.raises(TypeError, match="rounding"):
        Definition(op="ABS", int8_version=1, compute=lambda call: [call.x])  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="ABS passes values on, and its output has another scale"):
        Definition(op="ABS", int8_version=1, compute=lambda call: [call.x], rounding=pass_on)
    # one more belongs here only if its kernel does no more than that: test_quantization_simulation shows it
    once = {op for op, known in OPERATORS.items() if known.rounding is round_once}
    assert once == {"HARD_SWISH", "LEAKY_RELU", "SOFTMAX", "TANH"}
