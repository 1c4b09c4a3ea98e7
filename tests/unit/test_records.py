"""Records on disk: strict when read, never half-written, never over somebody else's folder."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from asc_kit.errors import BoardError, SpecError
from asc_kit.records.record import (
    STRICT,
    canonical_json,
    parse_record,
    read_record,
    reserve,
    short_id,
    write_bytes,
    write_json,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    __pydantic_config__: ClassVar = STRICT
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    __pydantic_config__: ClassVar = STRICT
    name: str
    inner: Inner
    rates: tuple[float, ...] = ()


def test_a_record_survives_the_disk(tmp_path: Path) -> None:
    record = Outer(name="a", inner=Inner(size=3), rates=(0.1, 1e-9))
    write_json(tmp_path / "r.json", record)
    assert read_record(Outer, tmp_path / "r.json") == record


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"name": "a", "inner": {"size": 3}, "colour": 1}, "colour"),
        ({"name": "a", "inner": {"size": 3, "depth": 1}}, "inner.depth"),
        ({"name": "a"}, "inner"),
        ({"name": "a", "inner": {"size": "many"}}, "inner.size"),
        ({"name": "a", "inner": {"size": 3}, "rates": [float("nan")]}, "rates.0"),
        ([], "Outer: record: this should be a table of names and values"),
        ({"name": "a", "inner": 3}, "inner: this should be a table of names and values, received 3"),
    ],
)
def test_what_does_not_fit_is_named(value: object, named: str) -> None:
    with pytest.raises(SpecError, match=named):
        parse_record(Outer, value, where="here")


@pytest.mark.parametrize(
    ("name", "text"), [("r.json", "{"), ("r.toml", "a = "), ("r.json", "\udcff"), ("r.json", r'"\ud800"')]
)
def test_malformed_files_are_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BoardError, match=f"{name} cannot be read as"):
        read_record(Outer, tmp_path / name, error=BoardError)
    with pytest.raises(SpecError, match="does not exist"):
        read_record(Outer, tmp_path / ("absent" + name))


@pytest.mark.parametrize(
    ("name", "text"), [("r.json", '{"name": "a", "inner": {"size": 3}}'), ("r.toml", 'name = "a"\ninner.size = 3\n')]
)
def test_the_mark_that_windows_editors_put_first_is_no_text(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text.replace("\n", "\r\n"), encoding="utf-8-sig", newline="")
    assert read_record(Outer, tmp_path / name) == Outer(name="a", inner=Inner(size=3))


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": 1, "a": [1.5, "ü"]}) == '{"a":[1.5,"ü"],"b":1}'.encode()
    assert short_id({"b": 1, "a": 2}) == short_id({"a": 2, "b": 1}) != short_id({"a": 1, "b": 2})


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_bytes(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system reserves no room")
def test_reserved_room_is_taken_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "mapped"
    with path.open("wb") as stream:
        stream.truncate(1 << 20)
    if os.stat(path).st_blocks * 512 >= 1 << 20:
        pytest.skip("this file system has no sparse files")
    reserve(path)
    assert os.stat(path).st_blocks * 512 >= 1 << 20
    assert path.read_bytes() == bytes(1 << 20)


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "figures.json"
    path.write_text("before")

    def full(*names: object) -> None:
        raise OSError(28, "No space left on device")  # as write() raises it: it knows of no file

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_bytes(path, b"after")
    assert caught.value.filename == str(path) and caught.value.errno == 28
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]
