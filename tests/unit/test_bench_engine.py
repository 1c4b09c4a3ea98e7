"""The table of the engine's costs: what is in it, and which changes are told."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from asc_kit.errors import BoardError, ModelError
from asc_kit.hardware.board import load_board

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("engine")


def test_the_committed_table_is_bit_identical(engine: ModuleType) -> None:
    rows = engine.read_rows(engine.TABLE.read_text())
    assert all(row.bit_identical for row in rows.values())
    assert {"Cortex-M3", "Cortex-M4F", "Cortex-M7", "Cortex-M33", "Cortex-M55"} <= {
        row.core for row in rows.values() if row.model == engine.CP_MOBILE
    }
    assert len(engine.TABLE.read_text().splitlines()) == len(rows)


def test_the_documents_show_the_committed_table(engine: ModuleType) -> None:
    tables = importlib.import_module("engine_tables")
    assert set(tables.documents()) == {ROOT / "README.md", ROOT / "docs" / "engine" / "measured.md"}
    for path, text in tables.documents().items():
        assert path.read_text() == text, f"{path.name}: python benchmarks/engine_tables.py"


def test_changes_above_the_tolerance_are_told(engine: ModuleType) -> None:
    row = next(iter(engine.read_rows(engine.TABLE.read_text()).values()))
    before = replace(row, instructions=1_000_000, stack_bytes=400, code_bytes=5000)
    after = replace(before, instructions=1_019_999, stack_bytes=409, code_bytes=4000)
    assert engine.changes(after, before) == ["stack_bytes +2.2 %", "code_bytes -20.0 %"]
    assert engine.changes(after, None) == []


def test_lines_of_other_models_stay(engine: ModuleType, tmp_path: Path) -> None:
    row = next(iter(engine.read_rows(engine.TABLE.read_text()).values()))
    others = [replace(row, model="b"), replace(row, model="a", core="Cortex-M0+")]
    engine.write_rows(others, tmp_path / "table.jsonl")
    engine.write_rows([replace(row, model="b", instructions=7)], tmp_path / "table.jsonl")
    rows = list(engine.read_rows((tmp_path / "table.jsonl").read_text()).values())
    assert [(one.core, one.model) for one in rows] == sorted([("Cortex-M0+", "a"), (row.core, "b")])
    assert [one.instructions for one in rows if one.model == "b"] == [7]


def test_a_name_that_is_wrong_is_told_before_anything_is_measured(engine: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "text.tflite").write_text("no model")
    words = f"{tmp_path / 'text.tflite'} {tmp_path / 'absent.tflite'}"
    result = CliRunner().invoke(engine.main, ["--models", words, "--out", str(tmp_path / "table.jsonl")])
    assert result.exit_code == 2 and "absent.tflite is not a file" in result.output


def test_a_refused_model_is_a_failure(engine: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "text.tflite").write_text("no model")
    arguments = ["--models", str(tmp_path / "text.tflite"), "--boards", "host", "--out", str(tmp_path / "table.jsonl")]
    result = CliRunner().invoke(engine.main, arguments)
    assert result.exit_code == 1 and "not a TensorFlow Lite model" in result.output


def test_a_model_too_large_for_a_board_is_none(engine: ModuleType) -> None:
    board = load_board("qemu-mps2-an386")
    large = ModelError("a.tflite: the model does not fit board qemu-mps2-an386: it needs more")
    assert engine.FAILED not in engine.not_measured(Path("a.tflite"), board, large)
    assert engine.FAILED in engine.not_measured(Path("a.tflite"), board, ModelError("operator 0 COS"))
    assert engine.FAILED in engine.not_measured(Path("a.tflite"), board, BoardError("it does not fit together"))


def test_sources_that_change_during_a_measurement_stop_it(
    engine: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = tmp_path / "firmware_gen" / "runtime" / "dsp" / "kernel.S"
    kernel.parent.mkdir(parents=True)
    kernel.write_text("one version")
    model, table = tmp_path / "model.tflite", tmp_path / "table.jsonl"
    model.write_bytes(b"")
    row = next(iter(engine.read_rows(engine.TABLE.read_text()).values()))
    names = iter(["qemu-mps2-an386", "qemu-mps2-an500"])

    def measure(*_: object) -> tuple[object, None, list[int], None]:
        if next(names) == "qemu-mps2-an500":
            kernel.write_text("the next version")
        return replace(row, model="before" if kernel.read_text() == "one version" else "after"), None, [], None

    monkeypatch.setattr(engine, "measure", measure)
    monkeypatch.setattr(engine, "committed", dict)
    monkeypatch.setattr(engine, "ROOT", tmp_path)
    arguments = ["--boards", "qemu-mps2-an386 qemu-mps2-an500", "--models", str(model), "--out", str(table)]
    result = CliRunner().invoke(engine.main, arguments)
    assert result.exit_code == 1 and "firmware_gen/runtime/dsp/kernel.S changed" in result.output
    assert [one.model for one in engine.read_rows(table.read_text()).values()] == ["before"]
