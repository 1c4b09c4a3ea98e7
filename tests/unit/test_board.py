from pathlib import Path

import pytest

from asc_kit.errors import BoardError
from asc_kit.hardware.board import board_names, load_board


@pytest.mark.parametrize("name", board_names())
def test_every_board_is_complete(name: str) -> None:
    board = load_board(name)
    assert all(path.is_file() for path in board.files.values())
    assert {*board.sources, *([board.linker_script] if board.linker_script else [])} <= set(board.files)
    assert (board.memory is None) == (board.linker_script is None)


def test_emulated_boards_share_one_port() -> None:
    """Five machines, one start-up and one serial line; each says in its own header where its registers are."""
    boards = [load_board(name) for name in board_names() if name.startswith("qemu-")]
    for name in ("startup.c", "port.c", "sections.ld"):
        assert len({board.files[name] for board in boards}) == 1
    assert len({board.files["asc_board.h"] for board in boards}) == len(boards)


def test_a_boards_own_file_hides_the_shared_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    board = load_board("qemu-mps2-an386")
    (tmp_path / "cortex_m").mkdir()
    (tmp_path / board.name).mkdir()
    for folder, names in {
        "cortex_m": ["startup.c", "port.c", "tools.h"],
        board.name: ["port.c", "asc_board.h"],
    }.items():
        for name in names:
            (tmp_path / folder / name).touch()
    monkeypatch.setattr("asc_kit.hardware.board.boards_folder", lambda: tmp_path)
    assert board.files == {
        "asc_board.h": tmp_path / board.name / "asc_board.h",
        "link.ld": tmp_path / board.name / "link.ld",  # in neither folder: told as missing from the board's
        "port.c": tmp_path / board.name / "port.c",
        "startup.c": tmp_path / "cortex_m" / "startup.c",
        "tools.h": tmp_path / "cortex_m" / "tools.h",
    }


def test_unknown_board_offers_the_known_ones() -> None:
    with pytest.raises(BoardError, match="unknown board 'arduino'") as failure:
        load_board("arduino")
    assert failure.value.hint is not None and "qemu-mps2-an386" in failure.value.hint


def test_a_folder_must_have_its_boards_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = load_board("host").folder / "board.toml"
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "board.toml").write_text(source.read_text())
    monkeypatch.setattr("asc_kit.hardware.board.boards_folder", lambda: tmp_path)
    with pytest.raises(BoardError, match="folder must have its name"):
        load_board("copy")
    (tmp_path / "copy" / "board.toml").write_text(source.read_text().replace("clock_hz", "clock_speed"))
    with pytest.raises(BoardError, match="clock_speed"):
        load_board("copy")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("1_000_000_000", "5_000_000_000", "clock_hz"),
        ('"host"', '"../host"', "name"),
        ('"host"', '"ho\u00dft"', "name"),
        ("core =", 'shared = "../other"\ncore =', "shared"),
        ("core =", 'kernels = "avx"\ncore =', "kernels"),
    ],
)
def test_what_the_wire_cannot_say_is_refused(
    old: str, new: str, field: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (load_board("host").folder / "board.toml").read_text()
    assert old in text
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "board.toml").write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr("asc_kit.hardware.board.boards_folder", lambda: tmp_path)
    with pytest.raises(BoardError, match=field):
        load_board("copy")
