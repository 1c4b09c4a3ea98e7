"""``asc-kit verify``: any model on an emulated board against the reference kernels, and what is said of differences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from emulated_cases import missing_tools
from int8_random_networks import random_network
from small_layers import BIAS, layer, quantization
from stateful_models import remembering, swapping

from asc_kit.cli import cli
from asc_kit.device_runner.verification import given_inputs, verify_model
from asc_kit.errors import DataError, MismatchError
from asc_kit.hardware.board import load_board
from asc_kit.inference.interpreter import ReferenceModel
from asc_kit.quantization import TensorInfo
from asc_kit.stages import ModelEnd

BOARD = "qemu-mps2-an386"

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A layer whose bias names an axis that it lacks: LiteRT takes a copy alone."""
    path = tmp_path / "layer.tflite"
    path.write_bytes(layer("CONV_2D", change=quantization(BIAS, "quantizedDimension", 3)))
    return path


def run(*arguments: object) -> str:
    command = ["verify", *map(str, arguments), "--board", BOARD, "--json"]
    result = CliRunner().invoke(cli, command, standalone_mode=False, catch_exceptions=False)
    return result.stdout


def test_exact(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", one=np.ones((1, 3, 3, 4), np.int8), two=np.zeros((2, 1, 3, 3, 4), np.int8))
    found = json.loads(run(model, "--inputs", tmp_path / "mine.npz", "--count", 4))
    assert found["inputs"] == {"normal": 2, "uniform": 1, "saturating": 1, "given": 3}
    assert (found["exact"], found["differing"], found["largest_difference"]) == (7, 0, 0)
    assert found["references"] == {"CONV_2D": "TFLite BUILTIN_REF"}
    assert found["macs"] == 9 * 16 and found["network_time"] > 0 and found["timer"] == "instructions"


def test_on_helium(model: Path) -> None:
    found = verify_model(model, load_board("qemu-mps3-an547"))
    assert (found.exact, found.differing, found.kernels) == (3, 0, "mve")


@pytest.mark.parametrize("seed", [1, 2])
def test_random_networks_with_state_and_several_ends(tmp_path: Path, seed: int) -> None:
    """The first has state, the second several inputs and outputs; tests/verify_folder.py takes any number of them."""
    path = tmp_path / "random.tflite"
    path.write_bytes(random_network(seed))
    found = verify_model(path, load_board(BOARD))
    assert (found.exact, found.differing, found.steps) == (3, 0, 20 if seed == 1 else 1)
    assert len(found.input_types) == (1 if seed == 1 else 3)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["host", BOARD, "qemu-mps3-an547"])
def test_thirty_random_networks(tmp_path: Path, board: str) -> None:
    for seed in range(30):
        path = tmp_path / f"random_{seed}.tflite"
        path.write_bytes(random_network(seed))
        assert verify_model(path, load_board(board)).differing == 0, seed


def test_variables_that_change_places(tmp_path: Path) -> None:
    """Each gets the other's value, and one's old value is an output: copies must not overwrite what is still needed."""
    path = tmp_path / "swap.tflite"
    path.write_bytes(swapping())
    found = verify_model(path, load_board("host"), steps=5)
    assert (found.exact, found.differing, found.steps) == (3, 0, 5)


def test_a_wrong_first_value_of_a_variable_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sum.tflite"
    path.write_bytes(remembering())
    reset = ReferenceModel.reset

    def never_again(self: ReferenceModel) -> None:
        if not hasattr(self, "runtime"):
            reset(self)

    monkeypatch.setattr(ReferenceModel, "reset", never_again)
    found = verify_model(path, load_board("host"), steps=3)
    assert found.exact == 1 and found.differing == 2
    assert found.first_difference is not None and "step 0 of input 1 (uniform)" in found.first_difference


def test_given_inputs_of_several_ends_have_their_numbers(tmp_path: Path) -> None:
    ends = [
        ModelEnd(name=name, type=type_, tensor=TensorInfo(shape=(1, n), scale=0.5, zero_point=3))
        for name, type_, n in (("a", "int8", 2), ("b", "float32", 1))
    ]
    np.savez(
        tmp_path / "in.npz", input_1=np.array([[[1.0]], [[-2.0]]], np.float32), input_0=np.full((2, 1, 2), 7, np.int8)
    )
    first, second = given_inputs(tmp_path / "in.npz", ends, has_state=False)
    assert first.tolist() == [[7, 7, 5]] and second.tolist() == [[7, 7, -1]]
    (sequence,) = given_inputs(tmp_path / "in.npz", ends, has_state=True)
    assert sequence.tolist() == [[7, 7, 5], [7, 7, -1]]
    np.savez(tmp_path / "in.npz", a=np.zeros((1, 2), np.int8), b=np.zeros((1, 1), np.float32))
    with pytest.raises(DataError, match="has the arrays a, b"):
        given_inputs(tmp_path / "in.npz", ends, has_state=False)


def test_a_difference_has_its_place_and_the_exit_code(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = ReferenceModel.run

    def wrong(self: ReferenceModel, values: np.ndarray) -> np.ndarray:
        output = right(self, values)
        output[7] ^= 2
        return output

    monkeypatch.setattr(ReferenceModel, "run", wrong)
    with pytest.raises(
        MismatchError, match=r"3 outputs differ .* 2 steps. input 0 \(normal\): 1 of 36 .* first at 7"
    ) as caught:
        run(model)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((1, 3, 3, 4), np.float32), "array mine is float32"),
        (np.zeros((1, 3, 4, 3), np.int8), r"of shape \(1, 3, 4, 3\)"),
        (np.zeros((2, 2, 1, 3, 3, 4), np.int8), "has 6 dimensions"),
        (np.array([None]), "cannot be read as a file of arrays"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(model: Path, tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "mine.npz", mine=array)
    with pytest.raises(DataError, match=message):
        run(model, "--inputs", tmp_path / "mine.npz")
