"""Commands that start TensorFlow refuse strangers' records in words that do nothing to a terminal."""

from pathlib import Path

import pytest
from hostile_records import TEXTS, Commands, Maker, bundle_of, check_command, data_of, recipe_of, run_of

COMMANDS: Commands = (
    ("complexity RUN", {"RUN": run_of}),
    ("complexity RECIPE", {"RECIPE": recipe_of}),
    ("inspect BUNDLE", {"BUNDLE": bundle_of}),
    ("evaluate RUN --data DATA", {"RUN": run_of, "DATA": data_of}),
    ("export RUN --out bundle", {"RUN": run_of}),
    ("train RECIPE --data DATA --out run", {"RECIPE": recipe_of, "DATA": data_of}),
    ("train micro_1m --data DATA --out run", {"DATA": data_of}),
)


@pytest.mark.parametrize("text", TEXTS, ids=["osc", "bidi"])
@pytest.mark.parametrize(("words", "makers"), COMMANDS, ids=[words for words, _ in COMMANDS])
def test_commands_print_nothing_that_a_terminal_obeys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    words: str, makers: dict[str, Maker], text: str,
) -> None:  # fmt: skip
    check_command(tmp_path, monkeypatch, capfd, words, makers, text)
