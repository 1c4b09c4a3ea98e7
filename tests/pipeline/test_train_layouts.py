"""Training on folders: what a folder leaves open is asked, the answer is remembered, what is strange is said."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from tiny_training import train
from tone_data import write_tone_data

from asc_kit.cli import cli
from asc_kit.errors import DataError
from asc_kit.export.bundling import export_run
from asc_kit.run import Run
from asc_kit.train.evaluation.assessment import labelled_clips, open_subject

CLASSES = {"high": "part1", "low": "part2", "mid": "part3"}


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Folders that may be classes or parts of an archive."""
    data = write_tone_data(tmp_path / "tones", n_train=6, n_test=2)
    for path in sorted((data / "audio").iterdir()):
        folder = tmp_path / "parts" / CLASSES[path.name.partition("-")[0]]
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    return tmp_path / "parts"


def test_a_run_remembers_how_its_data_set_lies(
    tmp_path: Path, parts: Path, recipe_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from asc_kit.dataset import Layout

    with pytest.raises(DataError, match="look like parts of an archive"):
        train(parts, recipe_path, tmp_path / "run")
    (parts / "part3").rename(parts / "Part1")
    samples, rate = soundfile.read(parts / "part2" / "low-0.wav")
    soundfile.write(parts / "part2" / "low-0.wav", np.stack([samples, -samples], 1), rate)
    manifest = train(parts, recipe_path, tmp_path / "run", "training.epochs=1", layout=Layout.FOLDERS)
    said = capsys.readouterr().err
    assert "Warning: the classes 'Part1', 'part1' differ in case" in said
    assert "Warning: 1 recording with channels that cancel each other" in said
    assert manifest.layout is Layout.FOLDERS and manifest.labels == ("Part1", "part1", "part2")
    assert Run.open(tmp_path / "run").manifest.layout is Layout.FOLDERS
    bundle = export_run(Run.open(tmp_path / "run"), tmp_path / "bundle")
    assert bundle.labels == manifest.labels
    subject = open_subject(tmp_path / "run")
    with pytest.raises(DataError, match="look like parts of an archive"):
        labelled_clips(parts, None, [subject])
    assert len(labelled_clips(parts, None, [subject], Layout.FOLDERS).clips) == manifest.evaluation.clips
    for words in (["evaluate", str(tmp_path / "run")], ["inspect", str(tmp_path / "bundle")]):
        asked = CliRunner().invoke(cli, [*words, "--data", str(parts)])
        assert isinstance(asked.exception, DataError)
        answered = CliRunner().invoke(cli, [*words, "--data", str(parts), "--layout", "folders"])
        assert answered.exit_code == 0, answered.output
