"""The memory map: every byte of the plan, and nothing that is not in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from matplotlib.transforms import Bbox
from reference_networks import cp_mobile

from asc_kit.cli import cli
from asc_kit.errors import AscKitError
from asc_kit.firmware_gen.plan.memory_map import figure, map_document, memory_map
from asc_kit.firmware_gen.plan.plan import make_plan, plan_document
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.hardware.board import KernelSetName
from asc_kit.outputs import INVENTORY

PNG, SVG = b"\x89PNG", b"<?xml"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "cp_mobile.tflite"
    path.write_bytes(cp_mobile().model)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)], standalone_mode=False)


def test_it_says_what_the_plan_says(model: Path) -> None:
    made_plan = make_plan(read_model(model.read_bytes()))
    plan, made = plan_document(made_plan), map_document(memory_map(made_plan))
    assert [{**block, "kind": None} for block in plan["arena"]] == [{**block, "kind": None} for block in made["blocks"]]
    assert max(block["offset"] + block["bytes"] for block in made["blocks"]) <= made["arena_bytes"]
    kinds = [block["kind"] for block in made["blocks"]]
    assert kinds.count("input") == 1 and kinds.count("output") == 1
    for step in made["steps"]:
        live = [block for block in made["blocks"] if block["first_step"] <= step["index"] <= block["last_step"]]
        held = {byte for block in live for byte in range(block["offset"], block["offset"] + block["bytes"])}
        assert step["used_bytes"] == len(held)
    assert max(step["used_bytes"] for step in made["steps"]) >= 0.9 * made["arena_bytes"]


@pytest.mark.parametrize(("suffix", "magic"), [(".png", PNG), (".svg", SVG)])
def test_pictures_are_the_same_every_time(model: Path, tmp_path: Path, suffix: str, magic: bytes) -> None:
    pictures = []
    for name in ("one", "two"):
        file = tmp_path / f"{name}{suffix}"
        assert run("plan", model, "--memory-map", file).exception is None
        pictures.append(file.read_bytes())
        assert json.loads(file.with_suffix(".json").read_text())["blocks"]
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(magic)


def test_json_alone(model: Path, tmp_path: Path) -> None:
    assert run("plan", model, "--memory-map", tmp_path / "map.json").exception is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [INVENTORY, "map.json"]


def test_a_second_picture_does_not_remove_the_first(model: Path, tmp_path: Path) -> None:
    for name in ("map.png", "map.svg", "map.json"):
        assert run("plan", model, "--memory-map", tmp_path / name).exception is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [INVENTORY, "map.json", "map.png", "map.svg"]


def test_firmware_keeps_its_map(model: Path, tmp_path: Path) -> None:
    assert run("firmware", model, "--board", "host", "--out", tmp_path / "fw", "--memory-map").exception is None
    assert (tmp_path / "fw" / "memory_map.svg").read_bytes().startswith(SVG)
    arena = json.loads((tmp_path / "fw" / "plan.json").read_text())["arena_bytes"]
    assert json.loads((tmp_path / "fw" / "memory_map.json").read_text())["arena_bytes"] == arena


@pytest.mark.parametrize("kernels", ["portable", "dsp", "mve"])
def test_names_lie_within_their_blocks_and_not_over_each_other(model: Path, kernels: KernelSetName) -> None:
    made = memory_map(make_plan(read_model(model.read_bytes()), kernels))
    (axes,) = figure(made, "title").axes
    rectangles = [
        axes.transData.transform_bbox(
            Bbox.from_extents(
                block.first_step,
                block.offset,
                block.last_step + 1,
                block.offset + block.n_bytes,
            )
        )
        for block in made.blocks
    ]
    names = [text.get_window_extent() for text in axes.texts]
    assert len(names) >= 8
    for index, name in enumerate(names):
        corners = [(name.x0, name.y0), (name.x1, name.y1)]
        assert any(all(box.contains(*corner) for corner in corners) for box in rectangles)
        assert not any(name.overlaps(other) for other in names[:index])


@pytest.mark.parametrize("name", ["plan.svg", "plan.png", "plan.json"])
def test_another_document_is_not_replaced(model: Path, tmp_path: Path, name: str) -> None:
    """The JSON beside plan.svg has the name of the firmware's plan."""
    assert run("firmware", model, "--board", "host", "--out", tmp_path / "fw").exception is None
    before = (tmp_path / "fw" / "plan.json").read_bytes()
    result = run("plan", model, "--memory-map", tmp_path / "fw" / name)
    assert isinstance(result.exception, AscKitError) and "plan.json in" in result.exception.message
    assert (tmp_path / "fw" / "plan.json").read_bytes() == before
    assert not list((tmp_path / "fw").glob("plan.[sp][vn]g"))


def test_a_map_that_cannot_be_written(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("plan", model, "--memory-map", tmp_path / "file" / "map.svg")
    assert isinstance(result.exception, AscKitError) and result.exception.hint is not None
    assert "file is a file" in result.exception.message and "--memory-map" in result.exception.hint


def test_a_model_is_no_name_for_a_map(model: Path) -> None:
    result = run("plan", "--memory-map", model)
    assert "must end in .png, .svg, .json" in str(result.exception)
