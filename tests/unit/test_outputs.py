"""Folders that commands write: whole old or whole new however the command ends, and no file of the user's gone."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asc_kit.errors import AscKitError
from asc_kit.outputs import (
    INVENTORY,
    OutputKind,
    check_file,
    check_output,
    new_folder,
    partial_folder,
    publish,
    write_file,
    write_files,
)
from asc_kit.outputs.claiming import WORK, claimed, sibling_of
from asc_kit.process import locking
from asc_kit.records import files
from asc_kit.records.files import replacement, temporary_folder, write_bytes

THING = OutputKind(name="thing", command="asc-kit thing", manifest="thing.json", names=("thing.json",))
PAGE = OutputKind(name="page", command="asc-kit page", names=("index.html",), option="-o", is_guest=True)

Tree = dict[str, str]
# what a command does at the file system; each is told before it is done
_EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "fcntl.flock"}


def write(out: Path, tree: Tree, kind: OutputKind = THING) -> None:
    with new_folder(out, kind) as folder:
        fill(folder, tree)


def fill(folder: Path, tree: Tree) -> None:
    for name, text in tree.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def content(folder: Path) -> Tree:
    """All files but the list of them; a work folder that is left would show."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != INVENTORY
    }


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


OLD: Tree = {"thing.json": "old", "a/b": "old b", "a/c": "same", "gone/deep/d": "old d"}
NEW: Tree = {"thing.json": "new", "a/b": "new b", "a/c": "same", "e": "new e", "f/g/h": "new h"}


def test_only_its_own_files_are_replaced(out: Path) -> None:
    write(out, OLD)
    strangers = {"notes.txt": "mine", "a/mine.c": "mine too", "gone/deep/result": "mine as well", ".hidden": "mine"}
    fill(out, strangers)
    (out / "empty").mkdir()
    inode = (out / "a" / "mine.c").stat().st_ino
    write(out, NEW)
    assert content(out) == NEW | strangers
    assert (out / "empty").is_dir() and (out / "a" / "mine.c").stat().st_ino == inode  # not even moved
    write(out, {"thing.json": "third"})
    assert content(out) == {"thing.json": "third"} | strangers
    assert sorted(path.name for path in out.parent.iterdir()) == ["out"]


def test_what_the_user_edited_is_not_replaced_and_shows_before_the_work(out: Path) -> None:
    write(out, OLD)
    (out / "a" / "b").write_text("edited")
    before = content(out)
    worked = False
    with pytest.raises(AscKitError, match="a/b in .* was changed since asc-kit thing wrote it") as caught:
        with new_folder(out, THING):
            worked = True
    assert not worked and "--out" in str(caught.value.hint) and content(out) == before
    (out / "a" / "b").write_text(OLD["a/b"])
    (out / "a" / "c").unlink()  # what is gone can be made again
    write(out, NEW)
    assert content(out) == NEW


@pytest.mark.parametrize("kind", ["folder", "link", "link above"])
def test_a_file_that_became_something_else_is_the_users(out: Path, tmp_path: Path, kind: str) -> None:
    write(out, OLD)
    elsewhere = tmp_path / "elsewhere"
    fill(elsewhere, {"b": OLD["a/b"], "c": OLD["a/c"]})
    if kind == "link above":
        for path in (out / "a").iterdir():
            path.unlink()
        (out / "a").rmdir()
        (out / "a").symlink_to(elsewhere)
    else:
        (out / "a" / "b").unlink()
        (out / "a" / "b").mkdir() if kind == "folder" else (out / "a" / "b").symlink_to(elsewhere / "b")
    with pytest.raises(AscKitError, match="a/b"):
        write(out, NEW)
    assert content(elsewhere) == {"b": OLD["a/b"], "c": OLD["a/c"]}


def test_names_that_will_be_needed_show_before_the_work(out: Path) -> None:
    write(out, OLD)
    (out / "e").write_text("mine")
    with pytest.raises(AscKitError, match="e in .* is not what asc-kit thing wrote"), new_folder(out, THING, ["e"]):
        raise AssertionError("the work must not begin")
    # those that nobody knew of before show afterwards, and the work is not lost
    with pytest.raises(AscKitError, match="e in .* is not what") as caught:
        write(out, NEW)
    assert content(out) == OLD | {"e": "mine"}
    assert str(caught.value.hint).endswith(f"{out}.new1") and content(Path(f"{out}.new1")) == NEW


@pytest.mark.parametrize("tree", [{"thesis.tex": "years of work"}, {"thing.json": "of an earlier version"}])
def test_a_folder_that_is_not_ours_is_left_alone(out: Path, tree: Tree) -> None:
    fill(out, tree)
    with pytest.raises(AscKitError, match=r"was not written by this command|kept no list") as caught:
        write(out, NEW)
    assert content(out) == tree and not (out / INVENTORY).exists() and "--out" in str(caught.value.hint)


def test_a_folder_of_another_kind_is_left_alone(out: Path) -> None:
    write(out, OLD)
    other = OutputKind(name="other", command="asc-kit other", manifest="other.json")
    with pytest.raises(AscKitError, match="it holds a thing"):
        write(out, {"other.json": "1"}, other)
    assert content(out) == OLD


def test_guests_share_a_folder(out: Path) -> None:
    write(out, OLD)
    fill(out, {"mine": "mine"})
    write_files(out, PAGE, {"index.html": b"1"})
    write(out, NEW)
    write_files(out, PAGE, {"index.html": b"2"})
    assert content(out) == NEW | {"mine": "mine", "index.html": "2"}
    assert set(json.loads((out / INVENTORY).read_text())["written"]) == {"thing", "page"}


def test_a_page_of_the_users_is_not_replaced(out: Path) -> None:
    fill(out, {"index.html": "my home page"})
    with pytest.raises(AscKitError, match=r"index\.html") as caught:
        write_files(out, PAGE, {"index.html": b"1"})
    assert content(out) == {"index.html": "my home page"} and "-o" in str(caught.value.hint)


def test_single_files(tmp_path: Path) -> None:
    kind = OutputKind(name="table", command="asc-kit table", option="--csv")
    write_file(tmp_path / "a.csv", kind, b"1")
    write_file(tmp_path / "b.csv", kind, b"1")
    write_file(tmp_path / "a.csv", kind, b"2")
    assert content(tmp_path) == {"a.csv": "2", "b.csv": "1"}
    (tmp_path / "b.csv").write_text("edited")
    (tmp_path / "c.csv").write_text("mine")
    for name in ("b.csv", "c.csv"):
        with pytest.raises(AscKitError, match=name):
            check_file(tmp_path / name, kind)
        with pytest.raises(AscKitError, match=name):
            write_file(tmp_path / name, kind, b"3")
    with pytest.raises(AscKitError, match="is a folder"):
        check_file(tmp_path, kind)
    for path in (Path("/dev/null"), Path("/dev/stdout")):
        with pytest.raises(AscKitError, match=r"is not what|is a folder"):
            write_file(path, kind, b"3")
    assert content(tmp_path) == {"a.csv": "2", "b.csv": "edited", "c.csv": "mine"}


def test_what_make_makes_is_nobodys_work(out: Path) -> None:
    kind = OutputKind(name="thing", command="c", manifest="thing.json", products=("build/*.o",), parts=("picture",))
    write(out, {"thing.json": "1", "build/app/a.o": "1"}, kind)
    write_file(out / "map.svg", OutputKind(name="picture", command="p"), b"of the first")
    write_file(out / "worked_on.svg", OutputKind(name="picture", command="p"), b"of the first")
    fill(out, {"build/app/a.o": "made again", "build/b.o": "made too", "build/notes": "mine", "worked_on.svg": "mine"})
    write(out, {"thing.json": "2", "build/app/a.o": "2", "build/b.o": "2"}, kind)
    expected = {
        "thing.json": "2",
        "build/app/a.o": "2",
        "build/b.o": "2",
        "build/notes": "mine",
        "worked_on.svg": "mine",
    }
    assert content(out) == expected


def test_a_failure_leaves_what_was_there(out: Path) -> None:
    for before in ({}, OLD):
        if before:
            write(out, before)
        with pytest.raises(KeyboardInterrupt), new_folder(out, THING) as folder:
            fill(folder, NEW)
            raise KeyboardInterrupt
        assert content(out.parent) == {f"out/{name}": text for name, text in before.items()}


def test_folder_and_file_change_places(out: Path) -> None:
    write(out, {"thing.json": "1", "x/y": "1", "z": "1"})
    write(out, {"thing.json": "2", "x": "2", "z/y": "2"})
    assert content(out) == {"thing.json": "2", "x": "2", "z/y": "2"}
    fill(out, {"z/mine": "mine"})
    with pytest.raises(AscKitError, match="z in"):
        write(out, {"thing.json": "3", "z": "3"})
    assert content(out) == {"thing.json": "2", "x": "2", "z/y": "2", "z/mine": "mine"}


def test_empty_folders_come_along(out: Path) -> None:
    for _ in range(2):
        with new_folder(out, THING) as folder:
            fill(folder, {"thing.json": str(time.monotonic())})
            (folder / "assets").mkdir()
        assert (out / "assets").is_dir()


def test_links_are_followed_and_stay(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    link = tmp_path / "link"
    link.symlink_to(disk)
    write(link, OLD)
    write(link, NEW)
    assert link.is_symlink() and content(disk) == NEW
    (tmp_path / "dangling").symlink_to(tmp_path / "unplugged")
    with pytest.raises(AscKitError, match="is a link to .*unplugged, which does not exist"):
        write(tmp_path / "dangling", NEW)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(AscKitError, match="is a file"):
        write(tmp_path / "file", NEW)
    with pytest.raises(AscKitError, match="no folder can be made"):
        write(tmp_path / "file" / "inside", NEW)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"schema_version": 1, "written": {"thing": {"../mine": "00"}}}',
        '{"written": {"t": {"/etc/x": "0"}}}',
    ],
)
def test_a_damaged_list_stops_everything(out: Path, text: str) -> None:
    write(out, OLD)
    (out.parent / "mine").write_text("mine")
    (out / INVENTORY).write_text(text)
    with pytest.raises(AscKitError, match="the list of what asc-kit wrote there"):
        write(out, NEW)
    assert content(out) == OLD and (out.parent / "mine").read_text() == "mine"


def in_a_child(work: Callable[[], None]) -> int:
    """Do something in a process of its own, which may end as it likes; return its exit status."""
    child = os.fork()
    if child == 0:
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 2)
            work()
        except AscKitError:
            os._exit(3)
        except BaseException:
            os._exit(2)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stop_at(number: int, folder: Path, stop: Callable[[], None]) -> Callable[[], bool]:
    """Call `stop` just before the operation of that number on files in a folder; return what says whether it was."""
    count = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event not in _EVENTS or (isinstance(arguments[0], str) and not arguments[0].startswith(str(folder))):
            return
        if isinstance(arguments[0], os.PathLike) and not os.fspath(arguments[0]).startswith(str(folder)):
            return
        count += 1
        if count == number:
            stop()

    sys.addaudithook(hook)
    return lambda: count >= number


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def trees(seed: int) -> tuple[Tree, Tree, Tree]:
    """An old output, a new one, and what the user put between them."""
    draw = random.Random(seed)
    names = [f"{a}/{b}" if a else b for a in ("", "p", "p/q", "r") for b in ("1", "2", "3")]

    def some(share: float) -> list[str]:
        return [name for name in names if draw.random() < share]

    old = {name: draw.choice("xy") for name in some(0.5)} | {"thing.json": "old"}
    new = {name: draw.choice("xy") for name in some(0.5)} | {"thing.json": "new"}
    strangers = {f"{folder}mine": "mine" for folder in ("", "p/", "p/q/", "r/", "s/") if draw.random() < 0.6}
    strangers |= {".asc-kit-notes": "mine", ".out.backup": "mine"}
    return old, new, strangers


@pytest.mark.parametrize("stop", [kill, full], ids=["killed", "disk full"])
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 10))])
def test_whole_old_or_whole_new_wherever_it_stops(tmp_path: Path, seed: int, stop: Callable[[], None]) -> None:
    old, new, strangers = trees(seed)
    ends = set()
    for number in range(1, 2000):
        place = tmp_path / str(number)
        out = place / "out"
        place.mkdir()
        fill(place, {".out.backup": "mine", "out.txt": "mine"})
        if seed:  # else the first time
            write(out, old)
            fill(out, strangers)
        before = content(out)

        def work(number: int = number, place: Path = place, out: Path = out) -> None:
            stopped = stop_at(number, place, stop)
            write(out, new)
            if stopped():  # at something that can be done without
                os._exit(9)

        status = in_a_child(work)
        if status == 0:
            break
        left = content(out)
        # what could not be removed, the next run removes
        left = {name: text for name, text in left.items() if not name.startswith(f"{WORK}/")}
        assert all(left[name] == text for name, text in before.items() if name in strangers)
        if stop is full:
            # a failure is put right at once
            assert status in (2, 3, 9) and left == (before if status != 9 else new | (strangers if seed else {}))
        check_output(out, THING)  # the next run, before its work
        after = content(out)
        assert after in (before, new | (strangers if seed else {})), number
        ends.add(after == before)
        write(out, {**new, "thing.json": "third"})
        assert content(place) == {
            ".out.backup": "mine",
            "out.txt": "mine",
            **{f"out/{name}": text for name, text in (strangers if seed else {}).items()},
            **{f"out/{name}": text for name, text in new.items()},
            "out/thing.json": "third",
        }
    else:
        raise AssertionError("it never came to an end")
    assert number > 10 and content(out) == new | (strangers if seed else {})
    assert True in ends and (stop is full or not seed or False in ends)


@pytest.mark.parametrize("first", [True, False])
def test_a_training_is_published_or_kept_wherever_it_stops(tmp_path: Path, first: bool) -> None:
    for number in range(1, 2000):
        place = tmp_path / str(number)
        out = place / "run"
        if not first:
            write(out, OLD)
            fill(out, {"mine": "mine"})
        before = content(out)
        partial = partial_folder(out)
        fill(partial, NEW | {"state.npz": "hours of work", "training.lock": ""})

        def work(number: int = number, place: Path = place, out: Path = out, partial: Path = partial) -> None:
            stop_at(number, place, kill)
            publish(partial, out, THING, leave_out=("state.npz", "training.lock"))

        status = in_a_child(work)
        check_output(out, THING)
        after = {name: text for name, text in content(out).items() if name not in ("state.npz", "training.lock")}
        strangers = {} if first else {"mine": "mine"}
        if after == before:
            assert content(partial).items() >= (NEW | {"state.npz": "hours of work"}).items(), number
        else:
            assert after == NEW | strangers, number
        if status == 0:
            break
    assert number > 10 and not partial.exists() and content(out) == NEW | strangers


def holding(out: Path, *, seconds: float = 60) -> subprocess.Popen[str]:
    """Start a process that writes a folder and takes its time."""
    program = (
        "import sys, time; from pathlib import Path; from asc_kit.outputs import OutputKind, new_folder\n"
        f"sys.argv = ['asc-kit', 'thing']\nkind = {THING!r}\n"
        f"with new_folder(Path({str(out)!r}), kind) as folder:\n"
        "    (folder / 'thing.json').write_text('held'); print('here', flush=True)\n"
        f"    time.sleep({seconds})\n"
    )
    process = subprocess.Popen([sys.executable, "-P", "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "here\n"
    return process


@pytest.fixture(params=[False, True], ids=["first time", "again"])
def held(request: pytest.FixtureRequest, out: Path) -> Iterator[subprocess.Popen[str]]:
    if request.param:
        write(out, OLD)
    process = holding(out)
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_the_second_is_told_who_writes(out: Path, held: subprocess.Popen[str]) -> None:
    before = content(out)
    for attempt in (lambda: check_output(out, THING), lambda: write(out, NEW)):
        with pytest.raises(AscKitError, match=rf"is being written by process {held.pid} \(asc-kit thing, since \d\d:"):
            attempt()  # type: ignore[no-untyped-call]
    assert {name: text for name, text in content(out).items() if WORK not in name} == {
        name: text for name, text in before.items() if WORK not in name
    }
    held.kill()
    held.wait()
    write(out, NEW)
    assert content(out) == NEW and [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("is_there", [False, True])
def test_files_that_are_written_into_one_folder_at_once_wait_for_each_other(tmp_path: Path, is_there: bool) -> None:
    """As ``make -j`` does with maps or predictions of several models."""
    place = tmp_path / "tables"
    if is_there:
        place.mkdir()
    program = (
        "import sys; from pathlib import Path; from asc_kit.outputs import OutputKind, write_file\n"
        "kind = OutputKind(name='table', command='asc-kit table', option='--csv')\n"
        "input()\n"
        f"for number in range(20): write_file(Path({str(place)!r}) / f'{{sys.argv[1]}}-{{number}}.csv', kind, b'1')\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-P", "-c", program, str(n)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for n in range(3)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    for writer in writers:
        _, said = writer.communicate(timeout=60)
        assert writer.returncode == 0, said.decode()
    names = {f"{writer}-{number}.csv" for writer in range(3) for number in range(20)}
    assert set(content(place)) == names and not (place / WORK).exists()
    assert len(json.loads((place / INVENTORY).read_text())["written"]) == 60


@pytest.mark.parametrize("is_there", [False, True])
def test_a_work_folder_that_goes_while_it_is_looked_at_is_no_users_folder(
    out: Path, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_there:
        out.mkdir()
    seen = []

    def was_there_a_moment_ago(path: object) -> bool:
        seen.append(path)
        return len(seen) == 1

    monkeypatch.setattr(os.path, "lexists", was_there_a_moment_ago)
    with claimed(out, THING) as work:
        assert work == (out / WORK if is_there else sibling_of(out))
    assert len(seen) == 2


def test_what_a_killed_run_left_is_swept_and_said(
    out: Path, held: subprocess.Popen[str], capfd: pytest.CaptureFixture[str]
) -> None:
    mine = {".out.mine": "mine", ".out.asc-kit.txt": "mine", ".asc-kit-notes.txt": "mine"}
    fill(out.parent, mine)
    held.kill()
    held.wait()
    assert any("held" in text for text in content(out.parent).values())
    check_output(out, THING)
    assert "removed what an interrupted run left" in capfd.readouterr().err
    assert "held" not in content(out.parent).values() and mine.items() <= content(out.parent).items()
    assert not (out / WORK).exists() and sorted(path.name for path in out.parent.iterdir() if path.is_dir()) in (
        ["out"],
        [],
    )


def test_a_folder_that_appears_beside_a_first_writer(out: Path) -> None:
    process = holding(out)
    try:
        out.mkdir()
        with pytest.raises(AscKitError, match="is being written by process"):
            check_output(out, THING)
        with pytest.raises(AscKitError, match="is being written by process"):
            write(out, NEW)
    finally:
        process.kill()
        process.communicate()
    write(out, NEW)
    assert [path.name for path in out.parent.iterdir()] == ["out"] and content(out) == NEW


def test_somebody_elses_folder_in_the_place_of_ours_is_left_alone(out: Path) -> None:
    write(out, OLD)
    fill(out, {f"{WORK}/mine": "mine"})
    with pytest.raises(AscKitError, match="is not what this kit puts there"):
        write(out, NEW)
    assert content(out) == OLD | {f"{WORK}/mine": "mine"}


def test_without_locks_nothing_is_taken_for_abandoned(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(out, OLD)
    (out / WORK / "new").mkdir(parents=True)
    monkeypatch.setattr(locking, "_lock", lambda handle: False)
    with pytest.raises(AscKitError, match="has no locks to tell"):
        write(out, NEW)
    (out / WORK / "new").rmdir()
    write(out, NEW)
    assert content(out) == NEW


def test_a_lock_whose_note_is_nonsense(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for text in ("", "{", "[]", '{"pid": "x"}', '{"pid": 1, "command": "\\u001b[2J", "since": "now"}'):
        path.write_text(text)
        assert "\x1b" not in locking.holder(path) and "process" in locking.holder(path)


def test_killed_writers_of_files_leave_nothing_for_long(tmp_path: Path) -> None:
    mine = {".asc-kit-12345678.mine.link": "", ".asc-kit-notes": "mine", ".hidden": "mine"}
    for number in range(1, 100):
        place = tmp_path / str(number)
        fill(place, {"f": "old", ".asc-kit-notes": "mine", ".hidden": "mine"})
        (place / ".asc-kit-12345678.mine").symlink_to(place / ".hidden")

        def work(number: int = number, place: Path = place) -> None:
            stop_at(number, place, kill)
            write_bytes(place / "f", b"new")

        status = in_a_child(work)
        assert (place / "f").read_text() in ("old", "new")
        files._swept.discard(place)
        with replacement(place / "f") as temporary:  # a living one's is not swept
            temporary.write_text("newer")
            files._swept.discard(place)
            write_bytes(place / "g", b"g")
            assert temporary.exists()
        names = {path.name for path in place.iterdir()}
        assert names == {"f", "g", ".asc-kit-notes", ".hidden", ".asc-kit-12345678.mine"} and mine
        if status == 0:
            break
    assert number > 3


def test_temporary_folders_of_killed_processes_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "asc-kit-mine.abcdefgh").mkdir()  # no lock of ours in it

    def work() -> None:
        with temporary_folder("test") as folder:
            (folder / "large").write_text("large")
            kill()

    assert in_a_child(work) == -signal.SIGKILL and len(list(tmp_path.iterdir())) == 2
    with temporary_folder("test") as folder, temporary_folder("test") as other:
        assert folder.is_dir() and other.is_dir() and len(list(tmp_path.iterdir())) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["asc-kit-mine.abcdefgh"]


def test_no_room(out: Path) -> None:
    import resource

    write(out, OLD)
    fill(out, {"mine": "mine"})

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write(out, NEW | {"large": "x" * 5000})
        except OSError as failure:
            os._exit(7 if failure.errno == errno.EFBIG else 8)

    assert in_a_child(work) == 7
    assert content(out) == OLD | {"mine": "mine"} and not (out / WORK).exists()


@pytest.mark.skipif(os.getuid() != 0, reason="becoming another user takes root")
def test_a_folder_that_may_not_be_written(out: Path) -> None:
    write(out, OLD)
    for path in (out.parent.parent, out.parent):
        path.chmod(0o755)

    def work() -> None:
        os.setuid(65534)
        write(out, NEW)

    # pytest's own folder may be closed to others, which is an error in words too
    assert in_a_child(work) in (2, 3) and content(out) == OLD
