"""boards/TEMPLATE: valid, complete, explained, and compiled; a copy of it is a board."""

import dataclasses
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from tone_bundle import make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.firmware_gen.generate import generate
from asc_kit.hardware.board import BoardSpec, BoardToolchain, EmulatorSpec, MemorySpec, board_names, load_board
from asc_kit.hardware.places import boards_folder

TEMPLATE = boards_folder() / "TEMPLATE"
EXAMPLE = (TEMPLATE / "board.toml.example").read_text()
DOCUMENT = (Path(__file__).parents[2] / "docs" / "boards.md").read_text()
TABLES = {"": BoardSpec, "toolchain": BoardToolchain, "memory": MemorySpec, "emulator": EmulatorSpec}
# one of these is given, not both
OTHER_CHOICES = ("core", "kernels", "frontend")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The template as somebody copies it."""
    folder = tmp_path / "TEMPLATE"
    shutil.copytree(TEMPLATE, folder)
    return (folder / "board.toml.example").rename(folder / "board.toml")


def with_all_tables() -> str:
    """The example with what it has as comments."""
    return re.sub(r"^# (?=\[|[a-z_]+ = )", "", EXAMPLE, flags=re.MULTILINE)


def test_it_is_no_board_but_its_copy_is(copied: Path) -> None:
    assert "TEMPLATE" not in board_names()
    board = load_board(str(copied))
    assert board.part is not None and board.core.name == "cortex-m4f" and board.timer == "cycles"
    assert all(path.is_file() for path in board.files.values())
    assert board.files["port.c"].parent == board.folder == copied.parent


def test_every_field_stands_in_it_and_in_the_document() -> None:
    document = tomllib.loads(with_all_tables())
    for table, cls in TABLES.items():
        found = document if not table else document[table]
        names = {field.name for field in dataclasses.fields(cls)}
        assert set(found) == names, table
        for name in names:
            assert f"`{name}`" in DOCUMENT, f"docs/boards.md does not explain {name}"
    # and a line of words before it, or before those around it
    for name in (*(field.name for cls in TABLES.values() for field in dataclasses.fields(cls)),):
        before = EXAMPLE.partition(f"{name} =")[0] or EXAMPLE.partition(f"[{name}]")[0]
        assert re.search(r"^# .*[a-z]{3,} .*$", before[-700:], re.MULTILINE), name


def test_what_it_has_as_comments_is_valid_too(copied: Path) -> None:
    text = with_all_tables()
    for name in OTHER_CHOICES[:1]:
        text = re.sub(rf"^{name} = .*\n", "", text, flags=re.MULTILINE)
    copied.write_text(text)
    board = load_board(str(copied))
    assert board.emulator is not None and board.emulator.program == "qemu-system-arm"
    assert board.memory is not None and board.memory.constants_bytes == 0x800000


def test_what_the_shared_start_up_asks_of_a_port_is_documented() -> None:
    """A name that startup.c or sections.ld takes from the board's files is in the template and in the document."""
    startup = (boards_folder() / "cortex_m" / "startup.c").read_text()
    asked = {"ASC_UART_RX_INTERRUPT", "UART0_RX_Handler", "SysTick_Handler"}
    own = {"asc_port_stack_size", "asc_port_stack_used"}
    header = (Path(__file__).parents[2] / "firmware_gen" / "app" / "asc_port.h").read_text()
    functions = set(re.findall(r"\b(asc_port_\w+)\(", header))
    port = (TEMPLATE / "port.c").read_text() + (TEMPLATE / "asc_board.h").read_text()
    assert {name for name in re.findall(r"\b(ASC_[A-Z_]+|\w+_Handler)\b", startup)} - {
        "Reset_Handler", "Fault_Handler",
    } == asked  # fmt: skip
    for name in asked | (functions - own):
        assert re.search(rf"^(?:#define|void|int|uint64_t) {name}\b", port, re.MULTILINE), name
    for name in asked | functions:
        assert f"`{name}`" in DOCUMENT, name
    assert own <= set(re.findall(r"^uint32_t (\w+)\(", startup, re.MULTILINE))


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs the Arm GNU toolchain")
@pytest.mark.parametrize("has_cycle_counter", [1, 0])
def test_its_firmware_builds_without_a_warning(has_cycle_counter: int, copied: Path, tmp_path: Path) -> None:
    header = copied.parent / "asc_board.h"
    old = "#define ASC_HAS_CYCLE_COUNTER 1"
    assert old in header.read_text()
    header.write_text(header.read_text().replace(old, f"#define ASC_HAS_CYCLE_COUNTER {has_cycle_counter}"))
    bundle = Bundle.open(make_tone_bundle(tmp_path / "bundle"))
    manifest = generate(bundle, load_board(str(copied)), tmp_path / "firmware", compile_it=True)
    assert manifest.image == "build/firmware.elf"
