"""From a data set of ten scenes to a package for the challenge, by the command."""

import subprocess
import sys
import zipfile
from pathlib import Path

import soundfile
import yaml
from tiny_training import train
from tone_data import write_recipe

from asc_kit.scores.evaluation import Evaluation
from asc_kit.train.submission.rules import SCENES

META = """
label = "Doe_INST_task1_1"
name = "Small network"
abbreviation = "small"

[description]
machine_learning_method = "CNN"

[[authors]]
lastname = "Doe"
firstname = "Jo"
email = "jo@example.org"
corresponding = true
affiliation = { abbreviation = "INST", institute = "Institute", location = "Lyon, France" }
"""


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "asc_kit", *map(str, words)], capture_output=True, text=True)


def test_a_package_that_the_check_accepts(tmp_path: Path) -> None:
    data, evaluation, package = tmp_path / "data", tmp_path / "evaluation", tmp_path / "package.zip"
    run("data", "synth", "--out", data, "--clips", 120, "--sample-rate", 8000, "--seconds", 0.256, "--jobs", 1)
    manifest = train(data, write_recipe(tmp_path), tmp_path / "run", "epochs=1")
    evaluation.mkdir()
    for number, path in enumerate(sorted((data / "audio").iterdir())[:11]):
        soundfile.write(evaluation / f"{number}.wav", *soundfile.read(path))
    (tmp_path / "meta.toml").write_text(META)
    where = ("--data", data, "--evaluation", evaluation, "--meta", tmp_path / "meta.toml", "--out", package)
    done = run("submit", "pack", "--year", "2022", "--model", tmp_path / "run", *where)
    assert done.returncode == 0, done.stderr
    assert run("submit", "check", package, "--year", "2022", "--clips", "11").returncode == 0
    wrong = run("submit", "check", package, "--year", "2022", "--clips", "12")
    assert wrong.returncode == 4 and "it has 11 recordings. Expected: 12" in wrong.stderr
    with zipfile.ZipFile(package) as archive:
        folder = "task1/Doe_INST_task1_1/Doe_INST_task1_1"
        rows = [line.split("\t") for line in archive.read(f"{folder}.output.csv").decode().splitlines()]
        meta = yaml.safe_load(archive.read(f"{folder}.meta.yaml"))
    assert rows[0] == ["filename", "scene_label", *SCENES]
    # numbers are ordered by value: 9.wav before 10.wav
    assert [row[0] for row in rows[1:]] == [f"{number}.wav" for number in range(11)]
    assert isinstance(manifest.evaluation, Evaluation)
    accuracy = meta["results"]["development_dataset"]["overall"]["accuracy"]
    assert accuracy == round(100 * manifest.evaluation.macro_accuracy, 3)
    refused = run("submit", "pack", "--year", "2024", "--model", tmp_path / "run", *where)
    assert refused.returncode == 2 and "Expected for 2024: 5=PATH, 10=PATH" in refused.stderr
