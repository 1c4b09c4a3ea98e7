"""A package for the DCASE challenge: one that is valid, and one fault at a time, each found by name."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sample_evaluation import made_up_clips

from asc_kit.dataset import Dataset
from asc_kit.errors import SpecError
from asc_kit.records.record import parse_record
from asc_kit.scores.evaluation import Evaluation, evaluation_of
from asc_kit.train.submission import RULES, SystemFiles, build_package, check_package
from asc_kit.train.submission.meta import SystemFigures, SystemMeta, meta_document
from asc_kit.train.submission.package import in_scene_order, predictions_text
from asc_kit.train.submission.rules import DEVICES, SCENES

CLIPS = 12
LABEL = "Doe_INST_task1_1"
META = {
    "label": LABEL,
    "name": "Small network",
    "abbreviation": "small",
    "authors": [
        {
            "lastname": "Doe", "firstname": "Jo", "email": "jo@example.org", "corresponding": True,
            "affiliation": {"abbreviation": "INST", "institute": "Institute", "location": "Lyon, France"},
        },
        {"lastname": "Roe", "firstname": "Al", "email": "al@example.org", "affiliation": {"institute": "Institute"}},
    ],
    "description": {"machine_learning_method": "CNN"},
}  # fmt: skip


def evaluation() -> Evaluation:
    labels = [(scene,) for scene in SCENES for _ in DEVICES]
    clips = made_up_clips(labels, list(DEVICES) * len(SCENES))
    rng = np.random.default_rng(3)
    dataset = Dataset(root=Path("data"), labels=SCENES, clips=clips, split_name="test", task="single_label")
    found = evaluation_of(dataset, rng.dirichlet(np.ones(10), len(labels)), SCENES, DEVICES[:6])
    assert isinstance(found, Evaluation)
    return found


def system(year: str, label: str = LABEL) -> SystemFiles:
    rules, rng = RULES[year], np.random.default_rng(1)
    splits = [f"split_{split}" for split in rules.splits] or [""]
    figures = SystemFigures(
        sample_rate_hz=32000, is_int8=True, parameter_bytes=61_148, parameters=61_148, macs=29_419_156,
        evaluations={split: evaluation() for split in splits},
    )  # fmt: skip
    meta = parse_record(SystemMeta, {**META, "label": label}, where="meta")
    return SystemFiles(
        label=label, meta=meta_document(meta, figures, rules), filenames=[f"{n}.wav" for n in range(CLIPS)],
        probabilities={split: rng.dirichlet(np.ones(10), CLIPS) for split in splits},
    )  # fmt: skip


def files_of(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("year", ["2022", "2024"])
def test_what_is_packed_is_valid_and_always_the_same(year: str) -> None:
    package = build_package([system(year), system(year, "Doe_INST_task1_2")], RULES[year])
    assert check_package(package, RULES[year], CLIPS) == ()
    assert package == build_package([system(year), system(year, "Doe_INST_task1_2")], RULES[year])
    assert len(files_of(package)) == 2 * (2 if year == "2022" else 6)


def test_the_rows_are_those_of_the_probabilities() -> None:
    values = np.random.default_rng(2).dirichlet(np.ones(10), 3)
    header, *rows = (line.split("\t") for line in predictions_text(["0.wav", "1.wav", "2.wav"], values).splitlines())
    assert header == ["filename", "scene_label", *SCENES]
    for row, expected in zip(rows, values, strict=True):
        assert row[1] == SCENES[int(np.argmax(expected))]
        np.testing.assert_allclose([float(cell) for cell in row[2:]], expected, rtol=1e-8)


def test_the_results_are_those_of_the_evaluation() -> None:
    found, document = evaluation(), system("2024").meta
    results = document["results"]["development_dataset"]["split_25"]
    assert results["overall"]["accuracy"] == round(100 * found.macro_accuracy, 3)
    assert list(results["class_wise"]) == list(SCENES) and list(results["device_wise"]) == list(DEVICES)
    assert results["class_wise"]["tram"]["logloss"] == round(found.per_scene[-1].log_loss, 4)


def test_columns_come_in_the_order_of_the_challenge() -> None:
    values = np.arange(10.0)[None]
    assert in_scene_order(values, tuple(reversed(SCENES))).tolist() == [list(range(9, -1, -1))]


META_NAME, SPLIT = f"task1/{LABEL}/{LABEL}.meta.yaml", f"task1/{LABEL}/{LABEL}.output.split_25.csv"
Damage = Callable[[dict[str, bytes]], None]


def rename(new: str, old: str = SPLIT) -> Damage:
    return lambda files: files.update({new: files.pop(old)})


def text(old: str, new: str, name: str = SPLIT) -> Damage:
    def damage(files: dict[str, bytes]) -> None:
        assert old in files[name].decode()
        files[name] = files[name].decode().replace(old, new, 1).encode()

    return damage


def cell(row: int, column: int, new: str) -> Damage:
    def damage(files: dict[str, bytes]) -> None:
        rows = [line.split("\t") for line in files[SPLIT].decode().splitlines()]
        rows[row][column] = new
        files[SPLIT] = ("\n".join("\t".join(cells) for cells in rows) + "\n").encode()

    return damage


def meta(change: Callable[[dict[str, Any]], object]) -> Damage:
    def damage(files: dict[str, bytes]) -> None:
        document = deepcopy(yaml.safe_load(files[META_NAME]))
        change(document)
        files[META_NAME] = yaml.safe_dump(document).encode()

    return damage


def shorten(files: dict[str, bytes]) -> None:
    files[SPLIT] = b"\n".join(files[SPLIT].splitlines()[:-1]) + b"\n"


def likeliest(files: dict[str, bytes]) -> None:
    rows = [line.split("\t") for line in files[SPLIT].decode().splitlines()]
    rows[1][1] = SCENES[int(np.argmin([float(value) for value in rows[1][2:]]))]
    files[SPLIT] = ("\n".join("\t".join(cells) for cells in rows) + "\n").encode()


DAMAGES: dict[str, tuple[Damage, str]] = {
    "split missing": (lambda files: files.pop(SPLIT) and None, "output.split_25.csv is missing"),
    "meta missing": (lambda files: files.pop(META_NAME) and None, "meta.yaml is missing"),
    "another file": (rename(f"task1/{LABEL}/notes.txt"), "notes.txt does not belong to a submission of 2024"),
    "another folder": (rename(f"task2/{LABEL}/a.csv"), "is not in a folder task1/LABEL"),
    "label": (rename("task1/doe_task1_1/a.csv"), "is not of the form Lastname_INST_task1_1"),
    "fifth system": (rename("task1/Doe_INST_task1_5/a.csv"), "with a number from 1 to 4"),
    "another team": (rename("task1/Roe_INST_task1_1/a.csv"), "systems of several teams"),
    "commas": (lambda files: files.update({SPLIT: files[SPLIT].replace(b"\t", b",")}), "its header is"),
    "no header": (text("filename\t", "1.wav\t"), "its header is"),
    "byte order mark": (lambda files: files.update({SPLIT: b"\xef\xbb\xbf" + files[SPLIT]}), "byte order mark"),
    "not UTF-8": (lambda files: files.update({SPLIT: b"\xff\xfe" + files[SPLIT]}), "it is not UTF-8"),
    "a row less": (shorten, "it has 11 recordings. Expected: 12"),
    "a row twice": (cell(3, 0, "0.wav"), "0.wav has several rows"),
    "other recordings": (cell(3, 0, "99.wav"), "has other recordings than"),
    "a path": (cell(1, 0, "audio/0.wav"), "not named by a number"),
    "a scene": (cell(1, 1, "forest"), "the scene is none of the ten: line 2"),
    "a scene that is not likeliest": (likeliest, "the scene is not the likeliest: line 2"),
    "words": (cell(2, 5, "much"), "a probability is no number: line 3"),
    "nan": (cell(2, 5, "nan"), "a probability is not from 0 to 1: line 3"),
    "logits": (cell(2, 5, "-3.5"), "a probability is not from 0 to 1: line 3"),
    "sum": (cell(2, 5, "0.9999"), "the probabilities do not sum to 1: line 3"),
    "a column more": (cell(2, 11, "0\t0"), "not 12 columns: line 3"),
    "not YAML": (lambda files: files.update({META_NAME: b"a: [b"}), "it is not YAML"),
    "meta of another": (meta(lambda d: d["submission"].update(label="Roe_INST_task1_1")), "submission.label is"),
    "long abbreviation": (meta(lambda d: d["submission"].update(abbreviation="x" * 11)), "Expected: 1 to 10"),
    "no authors": (meta(lambda d: d["submission"].update(authors=[])), "no list of authors"),
    "no address": (meta(lambda d: d["submission"]["authors"][0].update(email="jo")), "author 1 has no e-mail"),
    "nobody to write to": (
        meta(lambda d: d["submission"]["authors"][0].pop("corresponding")), "0 authors are corresponding",
    ),
    "description": (meta(lambda d: d["system"]["description"].pop("pipeline")), "description.pipeline is missing"),
    "too large": (
        meta(lambda d: d["system"]["complexity"].update(total_model_size=128_001)), "above the limit of 128,000",
    ),
    "too many MACs": (meta(lambda d: d["system"]["complexity"].update(macs=30_000_001)), "limit of 30,000,000"),
    "no count": (meta(lambda d: d["system"]["complexity"].update(total_parameters="61k")), "Expected: a whole number"),
    "a split's results": (
        meta(lambda d: d["results"]["development_dataset"].pop("split_5")), "split_5.overall.accuracy is None",
    ),
    "a share": (
        meta(lambda d: d["results"]["development_dataset"]["split_5"]["overall"].update(accuracy=112.0)),
        "accuracy is 112.0. Expected: percent",
    ),
    "a device's results": (
        meta(lambda d: d["results"]["development_dataset"]["split_100"]["device_wise"].pop("s6")),
        "split_100.device_wise.s6.logloss is None",
    ),
    "data sets": (meta(lambda d: d["system"].update(external_datasets="none")), "external_datasets is not a list"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_each_fault_is_found_by_name(name: str) -> None:
    damage, says = DAMAGES[name]
    files = files_of(build_package([system("2024")], RULES["2024"]))
    damage(files)
    problems = check_package(packed(files), RULES["2024"], CLIPS)
    assert any(says in problem for problem in problems), problems


def test_what_is_no_package_is_told() -> None:
    assert "not a readable ZIP file" in check_package(b"PK and no more", RULES["2024"])[0]
    package = build_package([system("2024")], RULES["2024"])
    assert check_package(package[: len(package) // 2], RULES["2024"], CLIPS)
    assert "the package holds no system" in check_package(packed({}), RULES["2024"])
    assert "it has 12 recordings. Expected: 135,730" in " ".join(check_package(package, RULES["2024"]))


def test_damaged_bytes_are_told() -> None:
    package = build_package([system("2022")], RULES["2022"])
    for place in range(0, len(package), 7):
        damaged = bytearray(package)
        damaged[place] ^= 0xFF
        assert isinstance(check_package(bytes(damaged), RULES["2022"], CLIPS), tuple)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label": "doe"}, "label"),
        ({"abbreviation": "elevenchars"}, "abbreviation"),
        ({"authors": []}, "authors"),
        ({"authors": META["authors"][1:]}, "0 authors are corresponding"),  # type: ignore[index]
        ({"logo": "x.png"}, "logo"),
    ],
)
def test_authors_are_told_what_is_wrong_with_their_file(change: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        parse_record(SystemMeta, {**META, **change}, where="meta.toml")
