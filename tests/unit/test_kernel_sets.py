"""Kernel sets and operators are found by their folders: a new one is files, and what a set lacks is portable."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from int8_models import ModelBuilder
from reference_networks import ds_cnn

from asc_kit.errors import BoardError
from asc_kit.firmware_gen import kernel_sets, operators
from asc_kit.firmware_gen.generate import generate_bare
from asc_kit.firmware_gen.kernel_sets import PORTABLE, kernel_set_names, load_kernel_set
from asc_kit.firmware_gen.network.kernel_call import ConstantArray, KernelCall
from asc_kit.firmware_gen.operators import REGISTRY
from asc_kit.firmware_gen.plan.choices import choose
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.hardware.board import load_board
from asc_kit.hardware.core import core_names, load_core

RECORD = """
from dataclasses import replace
from pathlib import Path

from asc_kit.firmware_gen.kernel_sets.kernel_set import KernelSet
from asc_kit.firmware_gen.operators import REGISTRY


def average_pool(node):
    rows = REGISTRY["AVERAGE_POOL_2D"].rows(node)
    return replace(rows, call=replace(rows.call, kernel="asc_average_pool_row_rvp"))


KERNEL_SET = KernelSet(
    name="rvp",
    header="asc_kernels_rvp.h",
    copy_kernel="asc_copy_row_s8",
    row_kernels={"AVERAGE_POOL_2D": average_pool, "SOFTMAX": lambda node: None},
    over_read_bytes=64,
    folder=Path(__file__).parent,
)
"""
CORE = """
schema_version = 1
name = "hart"
title = "A hart"
kernels = ["rvp", "portable"]
frontend = "float"
faults = {}

[toolchain]
prefix = ""
cflags = ["-O2"]
"""
BOARD = """
schema_version = 2
name = "rvp-board"
title = "A board with another core"
core = "hart.toml"
timer = "ns"
clock_hz = 1000000000
sources = []
tested_on = "nothing"
"""


@pytest.fixture
def third_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A set of one kernel, in a folder as a new one would be."""
    folder = tmp_path / "sets" / "rvp"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(RECORD)
    (folder / "asc_kernels_rvp.h").write_text('#include "asc_kernels.h"\n')
    (folder / "asc_average_pool_row_rvp.S").write_text('#include "asc_kernels_rvp.h"\n')
    monkeypatch.setattr(kernel_sets, "__path__", [*kernel_sets.__path__, str(folder.parent)])
    monkeypatch.delitem(sys.modules, f"{kernel_sets.__name__}.rvp", raising=False)
    return "rvp"


def calls(kernels: str) -> dict[str, KernelCall]:
    """The calls of a network by operator; the last of each."""
    return {step.operator.op: step.call for step in make_plan(read_model(ds_cnn().model), kernels).steps}


def test_what_a_third_set_lacks_is_portable(third_set: str) -> None:
    assert kernel_set_names() == ("dsp", "mve", "portable", "rvp")
    own, portable = calls(third_set), calls(PORTABLE)
    assert own["AVERAGE_POOL_2D"].kernel == "asc_average_pool_row_rvp"
    # of these it has none, or none that is exact for them
    for op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "SOFTMAX"):
        assert own[op].kernel == portable[op].kernel and own[op].kernel.endswith("_s8"), op
        assert own[op].scratch_bytes == portable[op].scratch_bytes, op
        for mine, theirs in zip(own[op].arrays, portable[op].arrays, strict=True):
            assert isinstance(mine, ConstantArray) and (mine.values == theirs.values).all(), op
    plans = [make_plan(read_model(ds_cnn().model), kernels) for kernels in (third_set, PORTABLE)]
    ends = [max(offset + block.n_bytes for block, offset in plan.blocks) for plan in plans]
    assert [plan.arena_bytes - end for plan, end in zip(plans, ends, strict=True)] == [64, 0]


def test_firmware_of_a_third_set_has_its_files_and_those_of_no_other(third_set: str, tmp_path: Path) -> None:
    board = tmp_path / "rvp-board"
    board.mkdir()
    (board / "board.toml").write_text(BOARD)
    (board / "hart.toml").write_text(CORE)
    model = tmp_path / "ds_cnn.tflite"
    model.write_bytes(ds_cnn().model)
    manifest = generate_bare(model, load_board(str(board)), tmp_path / "firmware")
    assert manifest.kernels == third_set
    names = {path.name for path in (tmp_path / "firmware" / "engine").iterdir()}
    assert {"asc_kernels_rvp.h", "asc_average_pool_row_rvp.S", "asc_fully_connected_s8.c"} <= names
    assert not [name for name in names if "dsp" in name or "mve" in name]
    assert '#include "asc_kernels_rvp.h"' in (tmp_path / "firmware" / "engine" / "asc_model.c").read_text()


def test_an_unknown_set_is_named() -> None:
    with pytest.raises(BoardError, match="unknown kernel set 'sve'") as caught:
        make_plan(read_model(ds_cnn().model), "sve")
    assert caught.value.hint == "kernel sets: dsp, mve, portable"


def test_cores_name_sets_that_there_are() -> None:
    for name in core_names():
        assert set(load_core(name).kernels) <= set(kernel_set_names()), name


@pytest.mark.parametrize("name", kernel_set_names())
def test_a_record_names_operators_and_files_that_there_are(name: str) -> None:
    kernel_set = load_kernel_set(name)
    assert kernel_set.name == name
    assert kernel_set.header in kernel_set.sources
    assert kernel_set.has(kernel_set.copy_kernel)
    for kernels in (kernel_set.row_kernels, kernel_set.small_row_kernels, kernel_set.whole_kernels):
        assert set(kernels) <= set(REGISTRY)
    assert set(kernel_set.small_row_kernels) <= set(kernel_set.row_kernels)


def test_every_definition_of_an_operator_is_known() -> None:
    (folder,) = operators.__path__
    texts = [path.read_text() for path in Path(folder).glob("*.py")]
    named = [name for text in texts for name in re.findall(r'^    op = "(\w+)"$', text, re.M)]
    assert len(named) > 30 and sorted(named) == list(REGISTRY)


@pytest.mark.parametrize(("channels", "rows"), [(8, 1), (64, 10)])
def test_rows_are_joined_into_one_where_the_output_may_lie_over_the_input(channels: int, rows: int) -> None:
    """Else to rows of 24 columns or more: four of the 40, each of 8 columns."""
    builder = ModelBuilder()
    source = builder.activation((1, 40, 8, 8), 0.1, 0)
    output = builder.activation((1, 40, 8, channels), 0.1, 0)
    weights = np.arange(-4 * channels, 4 * channels, dtype=np.int16).astype(np.int8).reshape(channels, 1, 1, 8)
    scales = np.full(channels, 0.01)
    bias = builder.constant(np.zeros(channels, np.int32), 0.1 * scales)
    inputs = [source, builder.constant(weights, scales), bias]
    builder.operator("CONV_2D", inputs, output, "Conv2DOptions", strideH=1, strideW=1)
    graph = read_model(builder.finish(source, output))
    joined = choose(graph, graph.operators[0], load_kernel_set("dsp"), "speed").joined
    assert joined is not None and joined.rows == rows
