"""The journal: every clip safe on the disk, a cut line dropped, anything else refused in words."""

import errno
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_result import sample_result

from asc_kit.device_runner.bench import journal as journals
from asc_kit.device_runner.bench.journal import JOURNAL, ClipDone, Header, Journal, Subject
from asc_kit.device_runner.bench.place import begun, check_new, find_unfinished
from asc_kit.device_runner.commands.bench import _write as write_result
from asc_kit.errors import AscKitError, SpecError
from asc_kit.result import LinkCounters

PREDICTIONS = sample_result(clips=12).predictions
SUBJECT = Subject(
    asc_kit="0.1.0", bundle="0" * 16, model_sha256="1" * 64, spec_id="2" * 16, board="host", firmware_id="3" * 16,
    timer="ns", timer_hz=10**9, mode="audio", split="test", split_clips=30, clips=12, data_id="4" * 16,
)  # fmt: skip
HEADER = Header(
    run_id="20260102T030405Z-0123abcd", started="2026-01-02T03:04:05Z", subject=SUBJECT, environment={"python": "3.11"}
)


def clip(index: int) -> ClipDone:
    return ClipDone(
        index=index, finished="2026-01-02T03:05:06Z", stack_bytes=100 + index, link=LinkCounters(retries=index),
        prediction=PREDICTIONS[index],
    )  # fmt: skip


def written(folder: Path, *indices: int) -> Path:
    journal = Journal.begin(folder / JOURNAL, HEADER)
    for index in indices:
        journal.keep(clip(index))
    journal.close()
    return folder / JOURNAL


def taken_up(path: Path) -> tuple[Journal, bool]:
    journal, is_cut = Journal.take_up(path)
    journal.close()
    return journal, is_cut


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    journal, is_cut = taken_up(written(tmp_path, 3, 0, 7))
    assert journal.header == HEADER and not is_cut
    assert journal.done == {index: clip(index) for index in (3, 0, 7)}
    # of the last line, which has counted everything before it
    assert journal.link == LinkCounters(retries=7, resumed=1)


@given(
    cut=st.integers(1, 10_000), rest=st.sampled_from([b"", b"\0" * 50, b"\0" * 50 + b"\n", b'{"index": 1\n', b"{}\n"])
)
def test_a_journal_cut_anywhere_gives_all_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, cut: int, rest: bytes
) -> None:
    """kill -9, a power cut and a full disk leave the beginning of the last line, or rubbish in its place."""
    path = written(tmp_path_factory.mktemp("journal"), *range(6))
    lines = path.read_bytes().splitlines(keepends=True)
    last = lines[-1][: cut % len(lines[-1])]
    path.write_bytes(b"".join(lines[:-1]) + (rest or last))
    journal, is_cut = taken_up(path)
    assert sorted(journal.done) == list(range(5)) and is_cut == bool(rest or last)
    assert path.read_bytes() == b"".join(lines[:-1])
    # and goes on as if nothing had been
    journal, _ = Journal.take_up(path)
    journal.keep(clip(5))
    journal.close()
    again, is_cut = taken_up(path)
    assert sorted(again.done) == list(range(6)) and not is_cut


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [], "no complete line"),
        (lambda lines: [b'{"a": 1}\n', *lines[1:]], "line 1 is not a valid Header"),
        (lambda lines: [b"[" * 100_000 + b"\n", *lines[1:]], "line 1"),
        (lambda lines: [lines[0], lines[1][:50] + b"\n", *lines[2:]], "line 2 cannot be read as JSON"),
        (lambda lines: [lines[0], lines[1].replace(b"{", b'{"index":1,', 1), *lines[2:]], "'index' stands twice"),
        (lambda lines: [lines[0], lines[1].replace(b'"index":0', b'"index":' + b"9" * 5000), *lines[2:]], "digits"),
        (lambda lines: [lines[0], lines[1].replace(b'"index":0', b'"index":99'), *lines[2:]], "clip 99"),
        (lambda lines: [lines[0], lines[1], *lines[1:]], "line 3 is of clip 0, which does not belong there"),
        (lambda lines: [lines[0].replace(b'"schema_version":1', b'"schema_version":9'), *lines[1:]], "schema"),
    ],
)
def test_damage_elsewhere_is_refused_in_words(tmp_path: Path, change: object, words: str) -> None:
    path = written(tmp_path, *range(4))
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))  # type: ignore[operator]
    before = path.read_bytes()
    with pytest.raises(SpecError, match=words) as caught:
        Journal.take_up(path)
    assert caught.value.hint == "measure again without --resume"
    assert path.read_bytes() == before


def test_a_journal_larger_than_any_result_is_refused_unread(tmp_path: Path) -> None:
    path = written(tmp_path, 0)
    with path.open("r+b") as stream:
        stream.truncate(journals.MAX_JOURNAL_BYTES + 1)  # a hole: it takes no room
    with pytest.raises(SpecError, match=r"journal\.jsonl is too large"):
        Journal.take_up(path)


def test_a_journal_that_went_is_not_made_again(tmp_path: Path) -> None:
    """Another process may finish the measurement, and remove its journal, at any moment."""
    with pytest.raises(SpecError, match="does not exist"):
        Journal.take_up(tmp_path / JOURNAL)
    assert not list(tmp_path.iterdir())


def test_a_journal_is_of_one_process(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path / JOURNAL, HEADER)
    with pytest.raises(AscKitError, match="another process is measuring into"):
        Journal.take_up(tmp_path / JOURNAL)
    with pytest.raises(FileExistsError):
        Journal.begin(tmp_path / JOURNAL, HEADER)
    journal.close()
    taken_up(tmp_path / JOURNAL)


@contextmanager
def full_disk(n_bytes: int) -> Iterator[None]:
    """No file can become larger: the kernel refuses as it does on a full disk, with another number."""
    earlier = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, earlier[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, earlier)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_costs_the_clip_under_way_alone(tmp_path: Path) -> None:
    path = written(tmp_path, 0, 1)
    journal, _ = Journal.take_up(path)
    size = os.path.getsize(path)
    # room for half a line
    with full_disk(size + 100), pytest.raises(AscKitError, match=r"journal\.jsonl cannot be written") as caught:
        journal.keep(clip(2))
    assert "make room" in str(caught.value.hint)
    assert os.path.getsize(path) == size and sorted(journal.done) == [0, 1]
    journal.keep(clip(2))
    journal.close()
    assert sorted(taken_up(path)[0].done) == [0, 1, 2]


def test_every_difference_of_a_subject_is_named() -> None:
    assert SUBJECT.difference(SUBJECT) is None
    for field in fields(Subject):
        value = getattr(SUBJECT, field.name)
        other = replace(SUBJECT, **{field.name: value + 1 if isinstance(value, int) else f"{value}x"})
        found = SUBJECT.difference(other)
        assert found is not None and found.startswith(f"{field.name.replace('_', ' ')} was ") and ";" not in found


def test_a_file_system_without_second_names_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert sorted(taken_up(written(tmp_path, 1))[0].done) == [1]
    with pytest.raises(FileExistsError):
        Journal.begin(tmp_path / JOURNAL, HEADER)
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]


def test_a_full_disk_at_the_beginning_leaves_nothing(tmp_path: Path) -> None:
    with (
        full_disk(10),
        pytest.raises(AscKitError, match=r"journal\.jsonl cannot be written"),
        begun(tmp_path / "a" / "b", tmp_path / "bundle", SUBJECT, {}),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_worth_keeping_goes_with_the_folders_it_made(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with pytest.raises(KeyboardInterrupt), begun(None, tmp_path / "bundle", SUBJECT, {}):
        raise KeyboardInterrupt
    assert list(tmp_path.rglob("*")) == [tmp_path / "results"]
    with pytest.raises(KeyboardInterrupt), begun(None, tmp_path / "bundle", SUBJECT, {}) as journal:
        journal.keep(clip(0))
        raise KeyboardInterrupt
    assert find_unfinished(tmp_path / "bundle", "host", "audio") == journal.path.parent
    with pytest.raises(AscKitError, match="not finished") as caught:
        check_new(journal.path.parent, tmp_path / "bundle")
    assert f"--resume {journal.path.parent}" in str(caught.value.hint)


def test_a_measurement_that_came_and_went_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """A place is looked at before firmware is built; another measurement can begin and end there until it is used."""
    place = tmp_path / "place"
    check_new(place, tmp_path / "bundle")
    place.mkdir()
    (place / "results.json").write_text("another's")
    with pytest.raises(AscKitError, match="holds a result, and results replace nothing"):
        with begun(place, tmp_path / "bundle", SUBJECT, {}):
            pytest.fail("it was begun")
    assert [path.name for path in place.iterdir()] == ["results.json"]
    assert (place / "results.json").read_text() == "another's"


def test_a_result_that_came_while_it_was_measured_is_not_replaced(tmp_path: Path) -> None:
    result = sample_result(clips=12)
    with begun(tmp_path / "place", tmp_path / "bundle", SUBJECT, {}) as journal:
        journal.keep(clip(0))
        path = journal.path.with_name("results.json")
        path.write_text("the user's")
        with pytest.raises(AscKitError, match="appeared during the measurement") as caught:
            write_result(result, journal)
        assert path.read_text() == "the user's" and journal.path.exists()
        assert f"--resume {journal.path.parent}" in str(caught.value.hint)
        path.unlink()
        assert write_result(result, journal) == path and not journal.path.exists()
