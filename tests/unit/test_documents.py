"""The documents: every link leads to a file and a heading, every command and option is one of the command line."""

import re
from pathlib import Path

import click
import pytest

from asc_kit.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    broken = []
    for file, anchor in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{file}#{anchor}")
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_reported(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# The `head` of it, once\n\n[a](page.md#the-head-of-it-once) [b](#other) [c](none.md) [d](https://e.org/x)\n"
    )
    assert broken_links(page) == ["#other", "none.md#"]


def test_documents_that_sources_name_are_there() -> None:
    sources = [
        path
        for folder in ("asc_kit", "benchmarks", "boards", "device_runner", "export", "firmware_gen", "tests", "train")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".c", ".h", ".S", ".toml", ".j2"}
    ]
    named = {
        (name, path.relative_to(ROOT))
        for path in sources
        for name in re.findall(r"\bdocs/[\w/]+\.md", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 50
    assert [pair for pair in sorted(named) if not (ROOT / pair[0]).is_file()] == []


COMMAND = re.compile(r"(?:^    |`)(asc-kit .+?)(?:`|  |$)", re.MULTILINE)


def unknown_words(line: str) -> list[str]:
    """Return the subcommand or the options of a documented command that the command line does not have."""
    words = [word for word in (word.strip("[]") for word in line.replace("\\", "").split()[1:]) if word]
    command: click.Command | None = cli
    while isinstance(command, click.Group) and words and not words[0].startswith(("-", "…")):
        name, *words = words
        command = command.get_command(click.Context(command), name)
        if command is None:
            return [name]
    assert command is not None
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    options |= {"-h", "--help"}
    return [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_documented_commands_are_those_of_the_command_line(page: Path) -> None:
    lines = COMMAND.findall(page.read_text(encoding="utf-8"))
    assert [(line, unknown_words(line)) for line in lines if unknown_words(line)] == []


def test_an_unknown_command_is_reported() -> None:
    assert COMMAND.findall("    asc-kit bench b --nope     why\nsee `asc-kit data nope`") == [
        "asc-kit bench b --nope",
        "asc-kit data nope",
    ]
    assert unknown_words("asc-kit bench b --nope --data D") == ["--nope"]
    assert unknown_words("asc-kit data nope") == ["nope"]
