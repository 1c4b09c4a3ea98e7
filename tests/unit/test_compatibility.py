"""Records of earlier versions open, or are refused naming the way out; goldens of each version there has been."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from record_goldens import KINDS, golden, goldens

from asc_kit.bundle import Bundle, BundleManifest
from asc_kit.device_runner.report.reading import read_results
from asc_kit.errors import AscKitError, BundleError
from asc_kit.firmware import FirmwareManifest
from asc_kit.process.console import note
from asc_kit.records.migration import Migrations, version_of
from asc_kit.records.record import STRICT, parse_record, read_record, to_plain, write_json
from asc_kit.result import BenchmarkResult
from asc_kit.run import Run, RunManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A record whose third version calls `km` what the second called `miles`; the first had no `name`."""

    __pydantic_config__: ClassVar = STRICT
    MIGRATIONS: ClassVar[Migrations] = {
        1: lambda old: old | {"name": "unnamed"},
        2: lambda old: {"name": old["name"], "km": old["miles"] * 1.6},
    }
    REMAKE: ClassVar[str] = "walk again"
    schema_version: Literal[3]
    name: str
    km: float


@pytest.fixture(autouse=True)
def _forget_notes() -> None:
    note.cache_clear()


@pytest.mark.parametrize("name", KINDS)
def test_there_is_a_golden_of_each_version(name: str) -> None:
    cls, _ = KINDS[name]
    assert golden(name, version_of(cls) or 1).is_file(), "run: python tests/support/record_goldens.py"


@pytest.mark.parametrize(("path", "cls"), goldens(), ids=lambda value: getattr(value, "__name__", None) or value.name)
def test_goldens_open(path: Path, cls: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = path.read_bytes()
    record: Any = read_record(cls, path)
    said = capsys.readouterr().err
    assert path.read_bytes() == before
    if path.suffix == ".json":
        version = json.loads(before)["schema_version"]
        assert record.schema_version == version_of(cls)
        assert ("is read as version" in said) == (version != version_of(cls))
        if version == version_of(cls):  # nothing is lost or added on the way to the disk and back
            write_json(tmp_path / "again.json", record)
            assert json.loads((tmp_path / "again.json").read_text()) == to_plain(record)
            assert read_record(cls, tmp_path / "again.json") == record


@pytest.mark.parametrize("name", ["bundle", "tagger"])
def test_bundles_open_as_a_whole(name: str) -> None:
    for path, _ in goldens():
        if path.name == "bundle.json" and path.parent.name.startswith(name):
            bundle = Bundle.open(path.parent)
            answer = bundle.golden(bundle.manifest.golden[0])
            assert (bundle.features_to_input(answer.features) == answer.input).all()


def test_runs_open_as_a_whole(tmp_path: Path) -> None:
    for path, cls in goldens():
        if cls is RunManifest:
            (tmp_path / path.stem / "saved_model").mkdir(parents=True)
            (tmp_path / path.stem / "model.keras").touch()
            shutil.copy(path, tmp_path / path.stem / "run.json")
            assert Run.open(tmp_path / path.stem).manifest.name == "micro_1m"


def test_reports_read_results_of_all_versions() -> None:
    paths = [path for path, cls in goldens() if cls is BenchmarkResult and "tagging" not in path.name]
    assert len(read_results(paths)) == len(paths)


@pytest.mark.parametrize(
    "document",
    [{"schema_version": 1, "miles": 10}, {"schema_version": 2, "name": "unnamed", "miles": 10}],
)
def test_an_older_record_is_brought_up_to_date_and_said_once(
    tmp_path: Path, document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "w.json").write_text(json.dumps(document))
    for _ in range(2):
        assert read_record(Walk, tmp_path / "w.json") == Walk(schema_version=3, name="unnamed", km=16.0)
    assert capsys.readouterr().err.replace("\n", " ").count("and is read as version 3") == 1
    assert json.loads((tmp_path / "w.json").read_text()) == document


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        ({"schema_version": 4, "asc_kit": "0.9.0"}, "schema version 4", r"written by asc-kit 0\.9\.0: install"),
        ({"schema_version": 4}, "this asc-kit reads 1 to 3", "a later asc-kit, one that reads schema version 4"),
        ({"schema_version": 4, "asc_kit": "\u202e9"}, "not have the character U\\+202E", "None"),
        ({"schema_version": 4, "asc_kit": "curl x|sh"}, "reads 1 to 3", "a later asc-kit, one that reads"),
        ({"schema_version": None}, "schema version None, this asc-kit reads 1 to 3", "walk again"),
        ({"schema_version": 0}, "schema version 0", "walk again"),
        ({"schema_version": -1}, "schema version -1", "walk again"),
        ({"schema_version": "3"}, "schema version '3'", "walk again"),
        ({"schema_version": True}, "schema version True", "walk again"),
        ({"schema_version": [3]}, r"schema version \[3\]", "walk again"),
    ],
)
def test_other_versions_are_refused_with_the_way_out(change: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        parse_record(Walk, {"name": "a", "km": 1.0} | change, where="w.json", error=BundleError)
    assert caught.value.hint is None or re.search(hint, caught.value.hint)


@pytest.mark.parametrize(
    ("cls", "way_out"),
    [
        (BundleManifest, "asc-kit export RUN"),
        (RunManifest, "asc-kit train"),
        (BenchmarkResult, "asc-kit bench"),
        (FirmwareManifest, "asc-kit firmware"),
    ],
)
def test_what_no_step_leads_from_names_the_command(cls: type, way_out: str) -> None:
    with pytest.raises(AscKitError, match="has schema version 0") as caught:
        parse_record(cls, {"schema_version": 0}, where="x.json")
    assert way_out in str(caught.value.hint)


def test_steps_lead_to_today_without_a_gap() -> None:
    for cls, _ in KINDS.values():
        steps, today = cls.__dict__.get("MIGRATIONS", {}), version_of(cls)
        assert today is None or set(steps) == set(range(min(steps, default=today), today)), cls.__name__
