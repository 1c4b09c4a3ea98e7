"""The documents: links, commands, options, paths and equations they name are there."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
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


FOLDERS = ("asc_kit", "benchmarks", "boards", "device_runner", "export", "firmware_gen", "tests", "train")
SOURCES = [
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".c", ".h", ".S", ".toml", ".j2", ".html"}
]


def test_documents_that_sources_name_are_there() -> None:
    named = {
        (name, path.relative_to(ROOT))
        for path in SOURCES
        for name in re.findall(r"\bdocs/[\w/]+\.md", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 50
    assert [pair for pair in sorted(named) if not (ROOT / pair[0]).is_file()] == []


# files that are generated, or somebody else's
OTHERS = {"NET.py", "asc_listener.h", "asc_model.c", "asc_model.h", "example/main.c", "app.c", "kws.c", "x.S"}
PLACEHOLDER = re.compile(r"NAME|<name>|CLASS")
PATH = re.compile(
    rf"(?<![\w/.<>-])((?:{'|'.join((*FOLDERS, 'docs'))})/[\w./*<>-]*|[\w*/-]*\w+\.(?:py|c|S|h|ld|j2))(?![\w*])"
)


@pytest.fixture(scope="module")
def repository() -> list[str]:
    """Files and folders of the repository, from its root."""
    found = (path for folder in (*FOLDERS, "docs") for path in (ROOT / folder).rglob("*"))
    return [path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts]


def missing_paths(text: str, repository: list[str]) -> list[str]:
    """Return the paths a text names that are not there: from the root, or the last parts of one."""
    missing = []
    for name in set(PATH.findall(text)) - OTHERS:
        pattern = PLACEHOLDER.sub("*", name).rstrip("./")
        if pattern.partition("/")[0] not in (*FOLDERS, "docs"):
            pattern = "*/" + pattern
        if pattern not in FOLDERS and not any(
            fnmatch("/" + path if pattern[0] == "*" else path, pattern) for path in repository
        ):
            missing.append(name)
    return sorted(missing)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_are_there(page: Path, repository: list[str]) -> None:
    assert missing_paths(page.read_text(encoding="utf-8"), repository) == []


def test_a_missing_path_is_reported(repository: list[str]) -> None:
    text = (
        "`asc_kit/none.py`, streams/partition.py, `none/partition.py`, tests/unit/test_no*.py, boards/parts/NAME.toml."
    )
    assert missing_paths(text, repository) == ["asc_kit/none.py", "none/partition.py", "tests/unit/test_no*.py"]


NUMBERED = ("quantization.md", "engine/design.md", "cycles.md")
"""Documents that share one numbering of equations."""
NUMBER = r"\((\d+)('*)\)"


def defined_equations(text: str) -> list[tuple[int, str]]:
    """Return the equations that a document defines: at the end of an indented line or of a table's row."""
    found = re.findall(rf"^(?:    .* |\| .*\| ){NUMBER}(?: \|)?$", text, re.MULTILINE)
    return [(int(number), primes) for number, primes in found]


def cited_equations(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield document, number and primes of every equation that a source cites with its document."""
    prose = re.sub(r"\s+(?:[*#] )?\s*", " ", text)
    numbers = rf"({NUMBER}(?:(?:, | and | to |, and ){NUMBER})*)"
    for match in re.finditer(
        rf"[Ee]quations? {numbers} of docs/([\w/]+\.md)|docs/([\w/]+\.md), equations? {numbers}", prose
    ):
        document = next(group for group in match.groups() if group and group.endswith(".md"))
        for number, primes in re.findall(NUMBER, match[0]):
            yield document, int(number), primes


def test_equations_are_numbered_once() -> None:
    each = [defined_equations((ROOT / "docs" / name).read_text(encoding="utf-8")) for name in NUMBERED]
    together = [equation for equations in each for equation in equations]
    assert len(set(together)) == len(together)
    assert sorted({number for number, _ in together}) == list(range(1, 46))


def test_cited_equations_are_there() -> None:
    cited = {citation for path in SOURCES for citation in cited_equations(path.read_text(encoding="utf-8"))}
    assert len(cited) > 20
    pages = {document: (ROOT / "docs" / document).read_text(encoding="utf-8") for document, *_ in cited}
    lacking = [
        (document, *which) for document, *which in cited if tuple(which) not in defined_equations(pages[document])
    ]
    assert lacking == []


def test_citations_are_read() -> None:
    text = """ * Source    docs/quantization.md, equations (10)
 *           and (13) to (15')
# equation (45) of docs/cycles.md"""
    assert list(cited_equations(text)) == [
        ("quantization.md", 10, ""),
        ("quantization.md", 13, ""),
        ("quantization.md", 15, "'"),
        ("cycles.md", 45, ""),
    ]
    assert defined_equations("    a = b      (3)\n| c | (4') |\nby (5)\n    d (6) e") == [(3, ""), (4, "'")]


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
