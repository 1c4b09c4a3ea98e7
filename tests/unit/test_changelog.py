"""A change that users notice has a fragment in changelog/, named so that a release finds it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]


def wrong_fragments(folder: Path) -> list[str]:
    """Return the files that are not `+NAME.KIND.md`, are empty, or begin like an item of a list or a heading."""
    name = re.compile(rf"\+[a-z0-9]+(-[a-z0-9]+)*\.({'|'.join(CONFIGURATION['fragment'])})\.md")
    return [
        path.name
        for path in sorted(folder.iterdir())
        if path.name != "README.md"
        and (not name.fullmatch(path.name) or not re.match(r"[^\s#*-]", path.read_text(encoding="utf-8")))
    ]


def test_every_fragment_is_named_by_its_kind() -> None:
    assert wrong_fragments(ROOT / "changelog") == []


def test_a_wrong_fragment_is_reported(tmp_path: Path) -> None:
    for name, text in (
        ("README.md", "how"),
        ("+good-name.fixed.md", "A fault is gone.\n"),
        ("+empty.fixed.md", ""),
        ("+dash.fixed.md", "- A fault is gone.\n"),
        ("12.fixed.md", "A fault is gone.\n"),
        ("+name.mended.md", "A fault is gone.\n"),
        ("+name.fixed.txt", "A fault is gone.\n"),
    ):
        (tmp_path / name).write_text(text)
    assert wrong_fragments(tmp_path) == [
        "+dash.fixed.md", "+empty.fixed.md", "+name.fixed.txt", "+name.mended.md", "12.fixed.md",
    ]  # fmt: skip


def test_a_release_finds_its_place_and_every_fragment() -> None:
    assert CONFIGURATION["start_string"] in (ROOT / CONFIGURATION["filename"]).read_text(encoding="utf-8")
    pytest.importorskip("towncrier", reason="it comes with the extra dev")
    draft = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    fragments = [path for path in (ROOT / "changelog").iterdir() if path.name != "README.md"]
    assert draft.count("\n- ") == len(fragments)
