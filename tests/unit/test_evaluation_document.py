"""Several models side by side: which runs belong together, means over them, tables, predictions."""

import csv
import io
import statistics
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sample_evaluation import made_up_clips, perfect_evaluation

from asc_kit.dataset import Dataset, Task
from asc_kit.errors import DataError
from asc_kit.process.console import note
from asc_kit.records.record import parse_record, to_plain
from asc_kit.scores.evaluation import Evaluation, TaggingEvaluation, evaluation_of
from asc_kit.train.evaluation import pictures
from asc_kit.train.evaluation.assessment import Subject, unlabelled_clips
from asc_kit.train.evaluation.document import EvaluationDocument, build_document
from asc_kit.train.evaluation.files import write_evaluation, write_predictions
from asc_kit.train.evaluation.tables import PlainTable, comparison_tables, to_markdown

LABELS = ("bus", "metro|station", "tram")


def subject(seed: int, **changes: Any) -> Subject:
    values: dict[str, Any] = {
        "path": Path(f"run{seed}"),
        "name": "tiny",
        "kind": "float",
        "labels": LABELS,
        "task": "single_label",
        "heard": ("a",),
        "train_data_id": "0" * 16,
        "train_split": "split25",
        "test_split": "test",
        "settings": {"training": {"epochs": 3}, "augmentation": {"mixstyle_p": 0.4}},
        "score": lambda recordings: np.zeros(0),
    }
    return Subject(seed=seed, **(values | changes))


def evaluation(seed: int, task: Task = "single_label", labels: tuple[str, ...] = LABELS) -> Any:
    rng = np.random.default_rng(seed)
    names = [[labels[n % len(labels)]] for n in range(40)]
    clips = made_up_clips(names, ["abs"[n % 3] for n in range(40)])
    dataset = Dataset(root=Path("data"), labels=labels, clips=clips, split_name="test", task=task)
    return evaluation_of(dataset, rng.dirichlet(np.ones(len(labels)), 40), labels, ("a",))


def tables(document: EvaluationDocument) -> dict[str, PlainTable]:
    return {table.caption: table for table in comparison_tables(document)}


def test_runs_that_differ_in_their_seed_are_one_row() -> None:
    found = [evaluation(seed) for seed in range(5)]
    plain = [(subject(seed), found[seed]) for seed in range(3)]
    other_settings = {"training": {"epochs": 3}, "augmentation": {"mixstyle_p": 0.0}}
    others = [
        (subject(3, settings=other_settings), found[3]),
        (subject(4, train_split="split5", train_data_id="1" * 16), found[4]),
    ]
    document = build_document([*plain, *others], "0")
    assert [(group.title, group.runs) for group in document.groups] == [
        ("tiny, float, split25, augmentation.mixstyle_p=0.4", 3),
        ("tiny, float, split25, augmentation.mixstyle_p=0.0", 1),
        ("tiny, float, split5, augmentation.mixstyle_p=0.4", 1),
    ]
    values = [each.macro_accuracy for each in found[:3]]
    summary = document.groups[0].figures["macro accuracy"]
    assert summary.mean == pytest.approx(statistics.mean(values)) and summary.sd == pytest.approx(
        statistics.stdev(values)
    )
    assert document.groups[1].figures["macro accuracy"].sd is None
    accuracies = [each.per_recording_device[0].accuracy for each in found[:3]]
    assert document.groups[0].per_recording_device["a"].mean == pytest.approx(statistics.mean(accuracies))
    assert parse_record(EvaluationDocument, to_plain(document), where="here") == document

    shown = tables(document)
    means = shown["Mean ± standard deviation over runs; shares in %, log loss in nats"].rows
    assert means[0][:3] == (document.groups[0].title, "3", f"{100 * summary.mean:.2f} ± {100 * summary.sd:.2f}")
    assert "±" not in means[1][2]
    by_class = shown["Accuracy by class, %; means over runs"]
    assert by_class.header == ("runs of", *LABELS, "macro accuracy")
    assert by_class.rows[0][1] == f"{100 * document.groups[0].per_label['bus'].mean:.2f}"
    by_device = shown["Accuracy by recording device, %; means over runs"]
    assert by_device.header == ("runs of", "a", "b", "s", "macro accuracy")
    assert len(shown["Models; shares in %, log loss in nats"].rows) == 5


def test_runs_that_learned_from_another_run_are_a_group_of_their_own() -> None:
    settings = subject(1).settings or {}
    runs = [
        (subject(seed, settings={**settings, "teacher": teacher, "warm_start": None}), evaluation(seed))
        for seed, teacher in ((1, None), (2, None), (1, "/big"))
    ]
    assert [(group.title, group.runs) for group in build_document(runs, "0").groups] == [
        ("tiny, float, split25, teacher=None", 2),
        ("tiny, float, split25, teacher=/big", 1),
    ]


def test_bundles_of_unknown_settings_are_numbered() -> None:
    bundles = [
        (subject(1, kind="int8", settings=None, train_split=None, train_data_id=data), evaluation(1)) for data in "ab"
    ]
    assert [group.title for group in build_document(bundles, "0").groups] == ["tiny, int8", "tiny, int8 (2)"]


def test_many_labels_are_rows() -> None:
    labels = tuple(f"label{n}" for n in range(20))
    results = [(subject(seed, task="multi_label"), evaluation(seed, "multi_label", labels)) for seed in (1, 2)]
    assert isinstance(results[0][1], TaggingEvaluation)
    table = tables(build_document(results, "0"))["lwlrap by label, %; means over runs"]
    assert table.header == ("label", "tiny, float, split25")
    assert [row[0] for row in table.rows] == [*labels, "lwlrap"]
    assert "±" in table.rows[-1][1]


def test_a_narrow_terminal_turns_the_tables() -> None:
    document = build_document([(subject(1), evaluation(1))], "0")
    by_class = {table.caption: table for table in comparison_tables(document, columns=2)}
    rows = by_class["Accuracy by class, %; means over runs"].rows
    assert [row[0] for row in rows] == [*sorted(LABELS), "macro accuracy"]
    wide = tables(document)["Accuracy by class, %; means over runs"].rows[0]
    assert tuple(row[1] for row in rows) == wide[1:]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_figure_is_cut_off(width: int) -> None:
    document = build_document([(subject(seed), evaluation(seed)) for seed in (1, 2)], "0")
    console = Console(width=width, file=io.StringIO())
    for table in comparison_tables(document, columns=3):
        console.print(table.to_rich(width))
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert "…" not in text and max(map(len, text.splitlines())) <= width
        assert all(line.rstrip()[-1] in "┃│" for line in text.splitlines() if line[0] in "┃│")
        figures = [cell.split()[0] for row in table.rows for cell in row[1:]]
        assert all(figure in text for figure in figures)


def test_markdown_holds_every_figure_and_no_label_breaks_a_table(tmp_path: Path) -> None:
    found = evaluation(1)
    assert isinstance(found, Evaluation)
    text = to_markdown(build_document([(subject(1), found)], "0"))
    assert "metro\\|station" in text and f"| accuracy, % | {100 * found.accuracy:.2f} |" in text
    for line in text.splitlines():
        if line.startswith("| metro"):
            assert line.replace("\\|", "").count("|") in (5, 6)
    for group in found.per_recording_device:
        assert f"| {group.name} | {group.clips} | {100 * group.accuracy:.2f} |" in text


def test_files(tmp_path: Path) -> None:
    single = build_document([(subject(1), evaluation(1))], "0")
    names = [path.name for path in write_evaluation(single, tmp_path / "one")]
    assert names == ["evaluation.json", "evaluation.md", "confusion.png", "reliability.png"]
    assert (tmp_path / "one" / "confusion.png").read_bytes()[:4] == b"\x89PNG"
    before = (tmp_path / "one" / "confusion.png").read_bytes()
    write_evaluation(single, tmp_path / "one")
    assert (tmp_path / "one" / "confusion.png").read_bytes() == before
    tags = build_document([(subject(1, task="multi_label"), perfect_evaluation(LABELS, "multi_label"))], "0")
    assert [path.name for path in write_evaluation(tags, tmp_path / "tags")] == names[:2]


# predictions


def test_letters_without_a_font_are_said_once_and_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matplotlib warned of each letter of each label, with the line of our code that drew it."""
    monkeypatch.setattr(pictures, "_families", lambda: ["DejaVu Sans"])
    note.cache_clear()
    labels = ("公园", "Straße é", "\U00010400")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for folder in ("one", "two"):
            found = evaluation(1, labels=labels)
            write_evaluation(build_document([(subject(1, labels=labels), found)], "0"), tmp_path / folder)
    said = capsys.readouterr().err
    assert said.count("no font of this machine") == 1 and "fonts-noto-cjk" in said


def predictions(tmp_path: Path, task: Task, filenames: list[str], scores: np.ndarray) -> str:
    clips = made_up_clips([["bus"]] * len(filenames), "a" * len(filenames))
    clips = tuple(type(clip)(filename=name, labels=clip.labels, identifier="x", recording_device="a")
                  for clip, name in zip(clips, filenames, strict=True))  # fmt: skip
    dataset = Dataset(root=Path("data"), labels=LABELS, clips=clips, task=task)
    write_predictions(tmp_path / "out.csv", dataset, LABELS, scores)
    return (tmp_path / "out.csv").read_text()


def test_predictions_as_dcase_takes_them(tmp_path: Path) -> None:
    scores = np.array([[0.2, 0.5, 0.3], [1 / 3, 1e-12, 2 / 3]])
    text = predictions(tmp_path, "single_label", ["audio/0.wav", "audio/1.wav"], scores)
    rows = list(csv.reader(text.splitlines(), delimiter="\t"))
    assert rows[0] == ["filename", "scene_label", *LABELS]
    assert rows[1] == ["0.wav", "metro|station", "0.2", "0.5", "0.3"]
    assert rows[2] == ["1.wav", "tram", "0.333333333", "1e-12", "0.666666667"]


def test_predictions_as_kaggle_takes_them(tmp_path: Path) -> None:
    scores = np.array([[0.25, 0.5, 1.0]])
    assert (
        predictions(tmp_path, "multi_label", ["test/aa.wav"], scores)
        == f"fname,{','.join(LABELS)}\naa.wav,0.25,0.5,1\n"
    )


def test_nine_digits_keep_the_order_of_float32(tmp_path: Path) -> None:
    one = np.float32(0.1)
    close = np.array([[one, np.nextafter(one, np.float32(1), dtype=np.float32), 0.0]], np.float32).astype(np.float64)
    row = predictions(tmp_path, "multi_label", ["a.wav"], close).splitlines()[1].split(",")
    assert np.array_equal(np.array(row[1:], np.float32), close[0].astype(np.float32))


def test_names_that_would_be_the_same_keep_their_folders(tmp_path: Path) -> None:
    text = predictions(tmp_path, "multi_label", ["x/a.wav", "y/a.wav"], np.zeros((2, 3)))
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["x/a.wav", "y/a.wav"]


def test_recordings_without_labels_are_ordered_by_number(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    for name in ("10.wav", "9.wav", "notes.txt", "2.FLAC"):
        (tmp_path / "audio" / name).touch()
    found = unlabelled_clips(tmp_path, subject(1))
    assert [clip.filename for clip in found.clips] == ["audio/2.FLAC", "audio/9.wav", "audio/10.wav"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no recordings"):
        unlabelled_clips(tmp_path / "empty", subject(1))
