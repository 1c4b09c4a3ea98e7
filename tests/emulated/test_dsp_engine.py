"""Generated engines with the kernels of the DSP set on an emulated Cortex-M4F: all bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from dsp_cases import convolution_case
from emulated_cases import BOARD, missing_tools, run_emulated
from engine_cases import assert_equal, model_info, request, split_outputs, write_cases
from int8_case import Case
from int8_cases import examples, one_channel_layer, wide_layer
from int8_models import ModelBuilder
from mve_cases import addition, convolution, pool, product
from reference_networks import cp_mobile

from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.hardware.board import Optimize

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")


def assert_exact(cases: Sequence[Case], folder: Path, optimize: Optimize = "speed") -> None:
    units = write_cases([case.model for case in cases], folder, "dsp", optimize)
    sizes = [model_info(case.model).output.n_elements for case in cases for _ in case.inputs]
    answers = run_emulated(units, request(cases), sizes, folder, BOARD)
    assert_equal(cases, split_outputs(cases, b"".join(output for _, output in answers)))


def kernels(case: Case) -> set[str]:
    return {step.call.kernel for step in make_plan(read_model(case.model), "dsp").steps}


@pytest.mark.parametrize(
    "draw, n, wanted",
    [
        (addition, 12, {"asc_add_dsp": 5}),
        (product, 12, {"asc_mul_row_dsp": 3}),
        (pool, 14, {"asc_average_pool_row_dsp": 4, "asc_max_pool_row_dsp": 4}),
        (lambda seed: convolution(seed, depthwise=False), 6, {"asc_conv_row_dsp": 3}),
        (lambda seed: convolution(seed, depthwise=True), 24, {"asc_depthwise_taps_dsp": 8}),
    ],
    ids=["sums", "products", "pools", "convolutions", "depthwise"],
)
def test_random_operators(draw: Callable[[int], Case], n: int, wanted: dict[str, int], tmp_path: Path) -> None:
    cases = [draw(seed) for seed in range(n)]
    used = [kernels(case) for case in cases]
    for kernel, least in wanted.items():
        assert sum(kernel in names for names in used) >= least
    assert_exact(cases, tmp_path)


def test_fully_connected(tmp_path: Path) -> None:
    cases = [*examples("FULLY_CONNECTED", 30), wide_layer()]
    used = [kernels(case) for case in cases]
    assert sum("asc_fully_connected_dsp" in names for names in used) >= 8
    assert sum("asc_fully_connected_wide_dsp" in names for names in used) >= 8
    assert_exact(cases, tmp_path)


@pytest.mark.parametrize(
    "even, odd, kernel",
    [
        ((-127, 127), (-127, 127), "asc_fully_connected_dsp"),
        ((0, 127), (-128, 127), "asc_fully_connected_dsp"),
        ((-128, 127), (-127, 127), "asc_fully_connected_dsp"),
        ((-1, 0), (-128, 127), "asc_fully_connected_wide_dsp"),
    ],
)
def test_pairs_of_weights_at_the_ends_of_their_range(
    even: tuple[int, int], odd: tuple[int, int], kernel: str, tmp_path: Path
) -> None:
    """Both of a pair are one number of 16 bits, and so are what it is multiplied with."""
    rng = np.random.default_rng(16)
    weights = np.where(np.arange(23) % 2 == 0, rng.choice(even, (7, 23)), rng.choice(odd, (7, 23))).astype(np.int8)
    weights[0, :2] = even[0], odd[0]
    builder = ModelBuilder()
    source = builder.activation((2, 23), 0.05, -128)
    tensors = [source, builder.constant(weights, np.full(7, 0.01))]
    output = builder.activation((2, 7), 1.1, 5)
    builder.operator("FULLY_CONNECTED", tensors, output, "FullyConnectedOptions")
    inputs = np.stack([np.full(46, -128), np.full(46, 127), rng.choice([-128, 127], 46)]).astype(np.int8)
    case = Case("ends", builder.finish(source, output), inputs)
    assert kernels(case) == {kernel}
    assert_exact([case], tmp_path)


def test_a_depthwise_convolution_of_one_channel_is_a_plain_one(tmp_path: Path) -> None:
    assert kernels(one_channel_layer()) >= {"asc_conv_row_dsp"}
    assert_exact([one_channel_layer()], tmp_path)


def test_a_pointwise_convolution_writes_over_what_it_reads(tmp_path: Path) -> None:
    """In one long row, in several chunks, with as many channels, fewer, and more, which is not done in place."""
    rng = np.random.default_rng(1)
    sizes = {"kernel": (1, 1), "size": (9, 23), "depth": 48}
    cases = [convolution_case(rng, **sizes, channels=channels) for channels in (48, 20, 52)]
    chunked = []
    for case in cases:
        plan = make_plan(read_model(case.model), "dsp")
        (step,) = plan.steps
        fields = dict(step.call.fields)
        source, output = (plan.offsets[index] for index in (plan.graph.input, plan.graph.output))
        in_place = step.output.shape[3] <= 48
        assert (source == output) == in_place and (fields["out_w"] == 9 * 23) == in_place
        chunked.append(fields["chunk"] < fields["out_w"])
    assert all(chunked[:2])
    assert_exact(cases, tmp_path)


@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_random_networks(optimize: Optimize, tmp_path: Path) -> None:
    assert_exact(examples("network", 4), tmp_path, optimize)


def test_for_size_weights_take_less_memory() -> None:
    for case in (cp_mobile(), *examples("network", 4)):
        speed, size = (make_plan(read_model(case.model), "dsp", optimize) for optimize in ("speed", "size"))
        assert size.weight_bytes <= speed.weight_bytes
    narrow = make_plan(read_model(cp_mobile().model), "dsp", "size")
    stored = sum(tensor.data.nbytes for tensor in narrow.graph.tensors if tensor.data is not None)
    # beside weights and biases: requantization constants, and channels padded to pairs and words
    assert narrow.weight_bytes < 1.5 * stored
