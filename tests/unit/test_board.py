"""Boards, and the cores and parts that they name: the kit's, and those of a folder of one's own."""

import json
import os
import shutil
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner

from asc_kit.cli import cli
from asc_kit.device_runner.cycles.bench import chosen_parts
from asc_kit.errors import BoardError
from asc_kit.hardware.board import BoardSpec, board_names, find_board, load_board, survey_boards
from asc_kit.hardware.core import CoreSpec, core_names, load_core
from asc_kit.hardware.part import PartSpec, load_part, part_names
from asc_kit.hardware.places import boards_folder
from asc_kit.records.record import parse_record, read_record

HOST = (boards_folder() / "host" / "board.toml").read_text()


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own, with a board that is like `host`."""
    folder = tmp_path / "boards"
    shutil.copytree(boards_folder() / "host", folder / "mine")
    (folder / "mine" / "board.toml").write_text(HOST.replace('"host"', '"mine"'))
    monkeypatch.setenv("ASC_KIT_BOARDS", os.pathsep.join((str(tmp_path / "absent"), str(folder))))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize("name", board_names())
def test_every_board_is_complete(name: str) -> None:
    board = load_board(name)
    assert all(path.is_file() for path in board.files.values())
    assert {*board.sources, *([board.linker_script] if board.linker_script else [])} <= set(board.files)
    assert (board.memory is None) == (board.linker_script is None)


def test_every_core_of_the_kit_is_valid_and_every_part_has_one() -> None:
    assert {load_part(name).core for name in part_names()} <= set(core_names())
    for name in core_names():
        core = load_core(name)
        # firmware for a core without the special sets' instructions is made of plain C
        assert "portable" in core.kernels and core.title
        has_unit = name == "native" or name.startswith("cortex-a") or "-mfloat-abi=hard" in core.toolchain.cflags
        assert core.frontend == ("float" if has_unit else "fixed")


def test_flags_of_a_core_stand_in_the_core_alone() -> None:
    """A flag of the compiler is said once: boards of one core repeat nothing."""
    cores = {name: load_core(name).toolchain.cflags for name in core_names()}
    for one, other in combinations(cores, 2):
        assert cores[one] != cores[other], (one, other)
    for name in board_names():
        board = load_board(name)
        assert board.toolchain.cflags == (*board.core.toolchain.cflags, "-O2")
        spec = read_record(BoardSpec, board.folder / "board.toml")
        assert spec.toolchain.ldflags is None and spec.kernels is None and spec.frontend is None


def test_a_board_of_version_1_is_the_board_it_was() -> None:
    old = read_record(BoardSpec, Path(__file__).parents[1] / "goldens" / "board-1.toml")
    now = load_board("qemu-mps2-an386")
    assert (old.core, old.kernels, old.frontend) == ("cortex-m4f", ("dsp", "portable"), "float")
    whole = old.toolchain.complete(now.core.toolchain)
    assert (whole.prefix, whole.ldflags, whole.libraries) == (
        now.toolchain.prefix, now.toolchain.ldflags, now.toolchain.libraries,
    )  # fmt: skip
    assert set(whole.cflags) == set(now.toolchain.cflags)


def test_a_part_of_version_1_names_its_core_by_the_title() -> None:
    for title, name in (("Cortex-M0+", "cortex-m0plus"), ("Cortex-M4F", "cortex-m4f")):
        document = {
            "schema_version": 1,
            "name": "x",
            "title": "X",
            "core": title,
            "clock_hz": 1,
            "ram_bytes": 1,
            "source": "",
        }
        part = parse_record(PartSpec, document, where="x.toml")
        assert (part.core_name, part.core_name in core_names()) == (name, True)


def test_emulated_boards_share_one_port() -> None:
    """Five machines, one start-up and one serial line; each says in its own header where its registers are."""
    boards = [load_board(name) for name in board_names() if name.startswith("qemu-")]
    for name in ("startup.c", "port.c", "sections.ld"):
        assert len({board.files[name] for board in boards}) == 1
    assert len({board.files["asc_board.h"] for board in boards}) == len(boards)


def test_a_boards_own_file_hides_the_shared_one(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mine / "common").mkdir()
    board = mine / "mine"
    for path in ("common/startup.c", "common/port.c", "common/tools.h", "mine/asc_board.h"):
        (mine / path).touch()
    text = (board / "board.toml").read_text()
    text = text.replace('["port.c"]', '["port.c", "startup.c"]\nlinker_script = "link.ld"\nshared = "common"')
    (board / "board.toml").write_text(text)
    assert load_board("mine").files == {
        "asc_board.h": board / "asc_board.h",
        "link.ld": board / "link.ld",  # in neither folder: told as missing from the board's
        "port.c": board / "port.c",
        "startup.c": mine / "common" / "startup.c",
        "tools.h": mine / "common" / "tools.h",
    }
    monkeypatch.chdir(board)  # as `--board board.toml`
    assert load_board("board.toml").files["tools.h"].samefile(mine / "common" / "tools.h")
    (board / "board.toml").write_text(text.replace("common", "cortex_m"))
    assert load_board("mine").files["startup.c"] == boards_folder() / "cortex_m" / "startup.c"
    (board / "board.toml").write_text(text.replace("common", "nowhere"))
    with pytest.raises(BoardError, match=r"mine/board\.toml: there is no folder nowhere that it shares"):
        load_board("mine")


@pytest.mark.parametrize("word", ["mine", "boards/mine", "boards/mine/board.toml", "./boards/mine/", "any/board.toml"])
def test_a_board_of_ones_own(word: str, mine: Path) -> None:
    shutil.copytree(mine / "mine", mine.parent / "any")
    board = load_board(word)
    assert board.name == "mine" and board.folder.samefile(mine.parent / ("any" if "any" in word else "boards/mine"))
    assert find_board("mine") == load_board("mine") and find_board("another") is None
    assert "mine" in board_names() and "host" in board_names()


def test_a_folder_that_is_missing_is_said_and_one_named_twice_counts_once(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "absent" in CliRunner().invoke(cli, ["boards", "--json"], catch_exceptions=False).stderr
    with pytest.raises(BoardError) as failure:
        load_board("mime")
    assert "did you mean mine" in str(failure.value.hint) and str(mine.parent / "absent") in str(failure.value.hint)
    monkeypatch.setenv("ASC_KIT_BOARDS", str(mine / "mine"))
    result = CliRunner().invoke(cli, ["boards", "--json"], catch_exceptions=False)
    assert f"{mine / 'mine'}, which is a board: name the folder above it" in result.stderr.replace("\n", " ")
    monkeypatch.setenv("ASC_KIT_BOARDS", f"{mine}{os.pathsep}boards{os.pathsep}")
    assert load_board("mine").name == "mine"


def test_a_folder_here_is_named_by_a_path(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASC_KIT_BOARDS")
    monkeypatch.chdir(mine)
    with pytest.raises(BoardError, match="unknown board 'mine'") as failure:
        load_board("mine")
    assert "--board ./mine" in str(failure.value.hint)
    assert load_board("./mine").name == "mine"
    (mine / "mine" / "below").mkdir()
    monkeypatch.chdir(mine / "mine" / "below")
    assert load_board("..").name == "mine"
    monkeypatch.chdir(mine)
    for word in ("./nothing", "mine/port.c", "./"):
        with pytest.raises(BoardError, match=r"is no board: expected a board\.toml, or a folder that holds one"):
            load_board(word)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("stm32l4r5", "stm32l4r5 is a part: for firmware without a board give --part stm32l4r5"),
        ("cortex-m4f", "cortex-m4f is a core: for firmware without a board give --core cortex-m4f"),
        ("arduino", "qemu-mps3-an547. Or a path: --board FOLDER/board.toml"),
        ("arduino", "qemu-mps2-an386"),
        ("quemu-mps2-an386", "did you mean qemu-mps2-an386"),
        ("Host", "did you mean host"),
    ],
)
def test_unknown_board_offers_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(BoardError, match=f"unknown board '{word}'") as failure:
        load_board(word)
    assert hint in str(failure.value.hint)


def test_a_folder_must_have_its_boards_name(mine: Path) -> None:
    shutil.copytree(mine / "mine", mine / "copy")
    with pytest.raises(BoardError, match="folder must have its name"):
        load_board("copy")
    assert load_board("./boards/copy").name == "mine"
    (mine / "copy" / "board.toml").write_text(HOST.replace("clock_hz", "clock_speed"))
    with pytest.raises(BoardError, match="clock_speed"):
        load_board("copy")


def test_one_boards_fault_is_no_others(mine: Path) -> None:
    """A board that is not valid, one that is no TOML, and a second of one name are listed with what is wrong."""
    for name, text in (("broken", HOST.replace("clock_hz", "clock")), ("no_toml", "]"), ("host", HOST)):
        shutil.copytree(mine / "mine", mine / name)
        (mine / name / "board.toml").write_text(text)
    found = {str(path.parent): board for path, board in survey_boards().items()}
    faults = {name: found[str(mine / name)] for name in ("broken", "no_toml", "host")}
    assert "clock" in str(faults["broken"]) and "cannot be read as TOML" in str(faults["no_toml"])
    assert "2 boards of the name host" in str(faults["host"])
    assert not isinstance(found[str(mine / "mine")], str) and load_board("qemu-mps2-an386").core.title == "Cortex-M4F"
    with pytest.raises(BoardError, match="2 boards of the name host"):
        load_board("host")
    assert load_board(str(mine / "host")).name == "host"

    shown = CliRunner().invoke(cli, ["boards"], catch_exceptions=False, terminal_width=300)
    assert shown.exit_code == 0 and "not valid" in shown.output and "qemu-mps3-an547" in shown.output
    listed = json.loads(CliRunner().invoke(cli, ["boards", "--json"], catch_exceptions=False).stdout)
    by_name = {board["name"]: board for board in listed}
    assert by_name["mine"]["fault"] is None and by_name["mine"]["core"]["title"] == "native"
    assert "clock" in by_name["broken"]["fault"]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("1_000_000_000", "5_000_000_000", "clock_hz"),
        ('"mine"', '"../mine"', "name"),
        ('"mine"', '"mi\u00dfe"', "name"),
        ("core =", 'shared = "../other"\ncore =', "shared"),
        ("core =", 'kernels = ["avx"]\ncore =', "kernels"),
        ("core =", 'kernels = ["mve"]\ncore =', "core native cannot run the kernels mve. It runs: portable"),
        ('core = "native"', "", "names its part, or its core"),
        ("core =", 'part = "stm32f405"\ncore =', "names its part, or its core"),
        ('"native"', '"cortex-m4g"', "unknown core 'cortex-m4g'"),
        ('"native"', '"mine.toml"', "mine.toml does not exist"),
        ('"native"', '"../mine.toml"', "core"),
        ('core = "native"', 'part = "stm32l4r6"', "unknown part 'stm32l4r6'"),
    ],
)  # fmt: skip
def test_what_a_board_cannot_be(old: str, new: str, field: str, mine: Path) -> None:
    path = mine / "mine" / "board.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BoardError, match=field) as failure:
        load_board("mine")
    assert str(path) in failure.value.message
    if "unknown" in field:
        assert "did you mean" in str(failure.value.hint)


def test_a_core_and_a_part_of_ones_own(mine: Path) -> None:
    folder = mine / "mine"
    core = (boards_folder() / "cores" / "cortex-m4f.toml").read_text()
    (folder / "m4x.toml").write_text(core.replace('"cortex-m4f"', '"m4x"').replace("5 = ", "5_ = ").replace("5_", "55"))
    part = (boards_folder() / "parts" / "stm32f405.toml").read_text()
    (folder / "stm32f411.toml").write_text(part.replace("stm32f405", "stm32f411").replace('"cortex-m4f"', '"m4x.toml"'))
    text = HOST.replace('"host"', '"mine"').replace('core = "native"', 'part = "stm32f411.toml"')
    memory = "[memory]\nflash_origin = 0\nflash_bytes = 0x100000\nram_origin = 0\nram_bytes = {}\nstack_bytes = 4096\n"
    (folder / "board.toml").write_text(text + memory.format("0x20000"))
    board = load_board("mine")
    assert board.part is not None and (board.part.name, board.core.name) == ("stm32f411", "m4x")
    assert board.core.name_fault(55) == "BusFault" and board.core.name_fault(5) == "exception"
    assert board.kernels == "dsp" and "-mfpu=fpv4-sp-d16" in board.toolchain.cflags
    # estimates of cycles know the board's own part, by its name too
    assert chosen_parts(board, None) == chosen_parts(board, "stm32f411") == (board.part,)
    (folder / "board.toml").write_text(text + memory.format("0x20001"))
    with pytest.raises(BoardError, match="ram_bytes = 131,073 is more than part stm32f411 has: 131,072"):
        load_board("mine")


def test_a_toolchain_of_ones_own(mine: Path) -> None:
    text = (mine / "mine" / "board.toml").read_text()
    (mine / "mine" / "board.toml").write_text(text + '[toolchain]\nprefix = "my-"\ncflags = ["-Os"]\nlibraries = []\n')
    board = load_board("mine")
    assert (board.compiler, board.toolchain.cflags, board.toolchain.libraries) == ("my-gcc", ("-Os",), ())
    # the core's packages have other tools
    assert "my-gcc" in board.toolchain.remedy and "apt-get" not in board.toolchain.remedy
    assert load_board("host").toolchain.remedy == "sudo apt-get install gcc libc6-dev"


def test_a_kernel_set_stands_once_in_a_core() -> None:
    toolchain = {"prefix": "", "cflags": []}
    core = {"schema_version": 1, "name": "x", "title": "X", "kernels": ["dsp", "dsp"], "faults": {}}
    with pytest.raises(BoardError, match="stands twice"):
        parse_record(CoreSpec, core | {"toolchain": toolchain}, where="core.toml", error=BoardError)
