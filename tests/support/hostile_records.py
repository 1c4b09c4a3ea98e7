"""Records, data sets and recipes of strangers, and what no command may print of them."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from data_layouts import META_HEADER
from record_goldens import GOLDENS

from asc_kit.cli import main
from asc_kit.records.record import read_json, write_json

OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that a terminal does not show."""
TEXTS = ("\u001b]0;owned\u0007\u009b2J", "\u202e")
"""A title and a cleared screen; text from right to left."""


def hostile(value: Any, text: str) -> Any:
    """A document in which every text has `text` behind it."""
    if isinstance(value, dict):
        return {key: hostile(item, text) for key, item in value.items()}
    return (
        [hostile(item, text) for item in value]
        if isinstance(value, list)
        else value + text
        if isinstance(value, str)
        else value
    )


def bundle_of(folder: Path, text: str) -> Path:
    shutil.copytree(GOLDENS / "bundle-3", folder / "bundle")
    write_json(folder / "bundle" / "bundle.json", hostile(read_json(folder / "bundle" / "bundle.json"), text))
    return folder / "bundle"


def run_of(folder: Path, text: str) -> Path:
    (folder / "run" / "saved_model").mkdir(parents=True)
    (folder / "run" / "model.keras").touch()
    write_json(folder / "run" / "run.json", hostile(read_json(GOLDENS / "run-3.json"), text))
    return folder / "run"


def data_of(folder: Path, text: str) -> Path:
    (folder / "set").mkdir()
    (folder / "set" / "meta.csv").write_text(META_HEADER + f"x{text}.wav\tbus{text}\tlyon-1\ta{text}\n")
    return folder / "set"


def result_of(folder: Path, text: str) -> Path:
    write_json(folder / "results.json", hostile(read_json(GOLDENS / "results-2.json"), text))
    return folder / "results.json"


def recipe_of(folder: Path, text: str) -> Path:
    document = (GOLDENS / "recipe-1.toml").read_text()
    written = f'"x{json.dumps(text)[1:-1]}'
    changed = re.sub('^(summary|name|model) = "', lambda match: f"{match[1]} = {written}", document, flags=re.MULTILINE)
    (folder / "recipe.toml").write_text(changed)
    return folder / "recipe.toml"


def model_of(folder: Path, text: str) -> Path:
    return GOLDENS / "bundle-3" / "model.tflite"


def labels_of(folder: Path, text: str) -> Path:
    (folder / "labels.txt").write_text(f"a{text}\nb\nc\n")
    return folder / "labels.txt"


Maker = Callable[[Path, str], Path]
Commands = tuple[tuple[str, dict[str, Maker]], ...]


def check_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    words: str, makers: dict[str, Maker], text: str,
) -> None:  # fmt: skip
    """Run a command on what the makers write, which it must refuse in words that do nothing."""
    paths = {name: str(make(folder, text)) for name, make in makers.items()}
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["asc-kit", *(paths.get(word, word) for word in words.split())])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capfd.readouterr()
    assert ended.value.code in (1, 2, 3) and not OBEYED.search(out + err), ascii(out + err)
    assert "Traceback" not in err and ("U+001B" in out + err or "U+202E" in out + err), err
