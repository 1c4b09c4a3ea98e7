"""ADD and SUB whose operands' scales are so far apart that one of them counts for nothing."""

from __future__ import annotations

import numpy as np
import pytest
from int8_models import ModelBuilder

from asc_kit.firmware_gen.operators.add import exact_sums, sum_constants
from asc_kit.firmware_gen.operators.base import Node
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.hardware.board import KernelSetName


@pytest.mark.parametrize("op", ["ADD", "SUB"])
@pytest.mark.parametrize("kernels", ["portable", "dsp", "mve"])
def test_an_operand_that_vanishes(op: str, kernels: KernelSetName) -> None:
    builder, shape = ModelBuilder(), (1, 2, 2, 2)
    source, other = builder.activation(shape, 1e-11, 5), builder.activation(shape, 1.0, -7)
    builder.operator("QUANTIZE", [source], other, "QuantizeOptions")
    output = builder.activation(shape, 1.0, 3)
    builder.operator(op, [source, other], output, f"{op.capitalize()}Options")
    plan = make_plan(read_model(builder.finish(source, output)), kernels)
    step = plan.steps[-1]
    inputs = tuple(plan.graph.tensors[index] for index in step.operator.inputs)
    node = Node(operator=step.operator, inputs=inputs, output=step.output)
    outputs = np.clip(exact_sums(sum_constants(node, 1 if op == "ADD" else -1)), -128, 127)
    assert np.all(outputs == outputs[0])
    # of all kernels but the general one, constants that say how much the operand counts
    factors = {name: value for name, value in step.call.fields if name in ("factor_1", "multiplier_1")}
    assert factors and all(isinstance(value, int) and abs(value) < 2 for value in factors.values())
