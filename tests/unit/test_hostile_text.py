"""Text that strangers wrote: refused where it is read, or harmless in everything that is written and printed."""

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_layouts import META_HEADER, SPLIT_HEADER, write_sound, write_tau
from hostile_records import (
    OBEYED,
    TEXTS,
    Commands,
    Maker,
    bundle_of,
    check_command,
    data_of,
    labels_of,
    result_of,
)
from html_page import Page
from inspection_case import made_up_inspection, made_up_layer
from record_goldens import GOLDENS
from rich.table import Table
from rich.text import Text
from sample_evaluation import made_up_clips, perfect_evaluation
from sample_result import sample_result
from tone_bundle import make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.cli.output import json_text, say
from asc_kit.dataset import Dataset, read_dataset
from asc_kit.device_runner.bench.table import result_tables
from asc_kit.device_runner.report import read_results, write_report
from asc_kit.errors import AscKitError, DataError
from asc_kit.export.c_array import c_array
from asc_kit.export.inspection.page import render
from asc_kit.firmware_gen.c_text import c_comment, c_string
from asc_kit.firmware_gen.generate import generate
from asc_kit.hardware.board import BoardSpec, load_board
from asc_kit.process.console import PipeConsole
from asc_kit.records.record import parse_record, read_record, to_plain, write_json
from asc_kit.text import escape_controls, markdown, shorten, spreadsheet_cell, tensor_name, unsafe_character
from asc_kit.train.evaluation.assessment import Subject
from asc_kit.train.evaluation.document import build_document
from asc_kit.train.evaluation.files import write_predictions
from asc_kit.train.evaluation.tables import comparison_tables, to_markdown

OSC, CSI, C1 = "\u001b]0;owned\u0007", "\u001b[2J", "\u009b2J"
CONTROL = (OSC, CSI, C1, "\u0000", "\u007f", "a\nb", "a\rb", "a\tb", "\u0085", "\u2028", "\u2029", "\u202e", "\u2066")
"""What no label, name or path may hold."""
PRINTABLE = (
    "<script>alert(1)</script>", "</td></table>", "a|b", "=1+1", "@SUM(A1)", "-2+3", "*/ int owned; /*", "**//", "??/",
    "a\\", '"quoted" \\', "$(id)`id`", ":bus:", "[red]x[/]", "[link=https://x.example]y[/link]", "![x](http://x.example)",
    "{{ 7 * 7 }}", "&lt;b&gt;", "%s%n", "Straße „Nord“", "北京站",
)  # fmt: skip
"""What they may hold, and what means something to somebody who reads it."""


def test_characters_are_named_and_written_out() -> None:
    for text in CONTROL:
        assert unsafe_character(text) is not None, ascii(text)
        assert unsafe_character(escape_controls(text, lines=False)) is None
        assert unsafe_character(shorten(text)) is None
    for text in PRINTABLE:
        assert unsafe_character(text) is None and escape_controls(text) == text
    assert (
        escape_controls(CSI) == "\\x1b[2J"
        and escape_controls("\u202e") == "\\u202e"
        and escape_controls("a\n\tb") == "a\n\tb"
    )


def test_values_are_shown_short() -> None:
    values: tuple[object, ...] = (
        "x" * 10**6, 10**10_000, -(10**10_000), [[["x" * 10**6]]], {"k" * 10**6: 1}, ["x"] * 10**6, b"x" * 10**6,
        {n: n for n in range(10**5)}, (1,) * 10**6, {"a": {"b": {"c": {"d": 1}}}}, set(range(1000)), float("nan"), None,
    )  # fmt: skip
    for value in values:
        assert len(shorten(value)) <= 80 and unsafe_character(shorten(value)) is None


# data sets


@pytest.mark.parametrize("text", [*CONTROL, "x" * 201])
@pytest.mark.parametrize("column", ["filename", "scene_label", "identifier", "source_label"])
def test_tables_do_not_bring_control_characters(tmp_path: Path, text: str, column: str) -> None:
    if column == "filename" and text == "x" * 201:
        return  # the file system has its own say in that
    row = {"filename": "audio/x.wav", "scene_label": "bus", "identifier": "lyon-1", "source_label": "a"} | {
        column: f"x{text}y"
    }
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(row.values())
    (tmp_path / "meta.csv").write_text(META_HEADER + stream.getvalue(), newline="")
    with pytest.raises(DataError) as caught:
        read_dataset(tmp_path)
    assert "character" in caught.value.message and unsafe_character(caught.value.message, lines=True) is None


@pytest.mark.parametrize("text", PRINTABLE)
def test_tables_may_hold_what_is_printable(tmp_path: Path, text: str) -> None:
    stream = io.StringIO(newline="")
    rows = [("audio/x.wav", text, "lyon-1", text), ("audio/y.wav", "bus", "lyon-2", "a")]
    csv.writer(stream, delimiter="\t", lineterminator="\n").writerows(rows)
    (tmp_path / "meta.csv").write_text(META_HEADER + stream.getvalue())
    dataset = read_dataset(tmp_path)
    assert text in dataset.labels and text in dataset.recording_devices


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x.wav", "audio/../../x.wav", "C:\\x.wav", "\\\\host\\x.wav", "..\\x.wav"]
)
def test_tables_do_not_name_files_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "meta.csv").write_text(META_HEADER + f"{name}\tbus\tlyon-1\ta\n")
    with pytest.raises(DataError, match="must be a path below the data set's folder"):
        read_dataset(tmp_path)
    (tmp_path / "meta.csv").unlink()
    (tmp_path / "train.csv").write_text(f'fname,labels\n"{name}",bus\n')
    with pytest.raises(DataError, match="must be a path below the data set's folder"):
        read_dataset(tmp_path)


def test_links_that_the_user_put_into_a_data_set_are_followed(tmp_path: Path) -> None:
    write_sound(tmp_path / "elsewhere" / "x.wav")
    root = write_tau(tmp_path / "set", [("audio/y.wav", "bus", "lyon-1", "a")], {"train": ["audio/y.wav"]})
    (root / "audio" / "y.wav").unlink()
    (root / "audio" / "y.wav").symlink_to(tmp_path / "elsewhere" / "x.wav")
    dataset = read_dataset(root)
    assert dataset.path(dataset.clips[0]).is_file()


def test_split_tables_and_class_maps_are_looked_at(tmp_path: Path) -> None:
    root = write_tau(tmp_path / "set", [("audio/y.wav", "bus", "lyon-1", "a")], {"train": ["audio/y.wav"]})
    (root / "train.csv").write_text(SPLIT_HEADER + f"audio/y.wav\tbus{CSI}\n")
    with pytest.raises(DataError, match=r"U\+001B"):
        read_dataset(root).split("train")
    (root / "class_map.csv").write_text(f"0,bus\n1,a{OSC}\n")
    with pytest.raises(DataError, match=r"U\+001B"):
        read_dataset(root)
    (root / "class_map.csv").write_text("".join(f"{n},label {n}\n" for n in range(2000)))
    with pytest.raises(DataError, match="at most 1,024 classes"):
        read_dataset(root)


@pytest.mark.parametrize("text", [OSC, "a\nb", "\u202e"])
def test_folders_and_files_are_looked_at(tmp_path: Path, text: str) -> None:
    for label in ("bus", "tram"):
        for number in range(2):
            write_sound(tmp_path / "files" / label / f"{number}.wav")
    shutil.copytree(tmp_path / "files", tmp_path / "folders")
    write_sound(tmp_path / "files" / "bus" / f"{text}.wav")
    (tmp_path / "folders" / "bus").rename(tmp_path / "folders" / text)
    for name in ("files", "folders"):
        with pytest.raises(DataError, match="character") as caught:
            read_dataset(tmp_path / name)
        assert unsafe_character(caught.value.message) is None


# writers


def hostile_result() -> dict[str, Any]:
    """A result whose every text is printable and means something."""
    document: dict[str, Any] = to_plain(sample_result(clips=36))
    labels = list(PRINTABLE[: len(document["labels"])])
    names = dict(zip(document["labels"], labels, strict=True))
    devices: dict[str, str] = {}

    def device(name: str) -> str:
        return devices.setdefault(name, PRINTABLE[6 + len(devices)] if name not in ("seen", "unseen") else name)

    document |= {"labels": labels, "name": PRINTABLE[0], "board_title": PRINTABLE[13], "core": PRINTABLE[14]}
    document["evaluation"] |= {"labels": labels, "split": PRINTABLE[2]}
    for group in document["evaluation"]["per_scene"]:
        group["name"] = names[group["name"]]
    for group in document["evaluation"]["per_recording_device"]:
        group["name"] = device(group["name"])
    document["train_recording_devices"] = [device(name) for name in document["train_recording_devices"]]
    for clip in document["predictions"]:
        clip |= {
            "labels": [names[name] for name in clip["labels"]], "predicted": names[clip["predicted"]],
            "host_predicted": names[clip["host_predicted"]], "recording_device": device(clip["recording_device"]),
        }  # fmt: skip
    for number, operator in enumerate(document["profile"]):
        operator |= {"op": PRINTABLE[12 + number], "output": PRINTABLE[number]}
    document["environment"] = {text: text for text in PRINTABLE}
    return document


def check_markdown(text: str) -> None:
    """No HTML, and rows of as many cells as their heads."""
    assert "<" not in text, text[max(0, text.find("<") - 80) : text.find("<") + 80]
    tables = re.split(r"\n\n+", text)
    for table in (part.splitlines() for part in tables if part.startswith("|")):
        cells = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in table}
        assert len(cells) == 1, table


def test_a_report_shows_hostile_texts_as_they_are(tmp_path: Path) -> None:
    write_json(tmp_path / "results.json", hostile_result())
    page, text = write_report(read_results([tmp_path]), tmp_path)
    check_markdown(text.read_text())
    html = page.read_text()
    assert "<script" not in html and "]8;" not in html
    cells = [cell for table in Page(html).tables.values() for row in table for cell in row]
    assert any(PRINTABLE[0] in cell for cell in cells) and any(PRINTABLE[16] in cell for cell in cells)


def test_an_evaluation_shows_them_as_they_are() -> None:
    labels = PRINTABLE
    found = perfect_evaluation(labels)
    plain = Subject(
        path=Path("run"), name=labels[0], kind="float", labels=labels, task="single_label", heard=("a",), seed=1,
        train_data_id="0" * 16, train_split=labels[2], test_split="test", settings={}, score=lambda _: np.zeros(0),
    )  # fmt: skip
    document = build_document([(plain, found), (replace(plain, name="b", seed=2), found)], "0")
    check_markdown(to_markdown(document))
    console = PipeConsole(file=io.StringIO(), width=4000, force_terminal=True, color_system=None)
    for table in comparison_tables(document, columns=0):
        console.print(table.to_rich(4000))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(label in printed for label in labels) and not OBEYED.search(printed)


def test_predictions_hold_no_formulas(tmp_path: Path) -> None:
    labels = ("=1+1", "+a", "-b", "@c", "plain")
    clips = made_up_clips([[label] for label in labels], "a" * 5)
    clips = tuple(replace(clip, filename=f"{label}.wav") for clip, label in zip(clips, labels, strict=True))
    dataset = Dataset(root=Path("data"), labels=labels, clips=clips)
    write_predictions(tmp_path / "p.csv", dataset, labels, np.eye(5) - 1.5)
    rows = list(csv.reader((tmp_path / "p.csv").open(), delimiter="\t"))
    assert rows[0] == ["filename", "scene_label", "'=1+1", "'+a", "'-b", "'@c", "plain"]
    assert rows[1] == ["'=1+1.wav", "'=1+1", "-0.5", "-1.5", "-1.5", "-1.5", "-1.5"]
    assert [spreadsheet_cell(text) for text in ("a=1", "", "ü", "\tx", "\rx")] == ["a=1", "", "ü", "'\tx", "'\rx"]


def test_pages_of_an_inspection_escape_names() -> None:
    layers = [made_up_layer(number - 1, name=text) for number, text in enumerate(PRINTABLE)]
    html = render(made_up_inspection(*layers, name=PRINTABLE[0], notes=(PRINTABLE[1],)))
    assert "<script" not in html
    assert all(text in unescape(html) for text in PRINTABLE)


@pytest.mark.parametrize("text", [*PRINTABLE, *CONTROL, "*" * 5 + "/" * 5, "/*/*/", "??????/"])
def test_comments_in_c_do_not_end(text: str) -> None:
    comment = c_comment(text)
    assert "*/" not in f"{comment} " and "/*" not in comment and "??" not in comment and comment.isprintable()
    assert re.fullmatch(r'"(?:[^"\\?\x00-\x1f\x7f-\xff]|\\[0-7]{3})*"', c_string(text))


def compiles(*sources: Path) -> None:
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wno-trigraphs", "-trigraphs", "-Wcomment", "-Werror"]
    for source in sources:
        done = subprocess.run(
            ["gcc", *flags, "-fsyntax-only", str(source)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_generated_c_compiles_with_hostile_names(tmp_path: Path) -> None:
    bundle = Bundle.open(make_tone_bundle(tmp_path / "bundle"))
    for number in range(0, len(PRINTABLE) - 2, 3):
        texts = PRINTABLE[number : number + 3]
        document = to_plain(bundle.manifest) | {"name": texts[0], "labels": list(texts)}
        for figures in (document["provenance"]["metrics_float"], document["provenance"]["metrics_int8"]):
            figures["labels"] = list(texts)
            for group, text in zip(figures["per_scene"], texts, strict=True):
                group["name"] = text
        write_json(bundle.path / "bundle.json", document)
        hostile = Bundle.open(bundle.path)
        for name, text in c_array(hostile.model_path.read_bytes(), hostile.manifest).items():
            (tmp_path / name).write_text(text)
        compiles(tmp_path / "asc_model_data.c")
        generate(hostile, load_board("host"), tmp_path / f"firmware{number}")
        engine = tmp_path / f"firmware{number}" / "engine"
        compiles(engine / "asc_model.c", engine / "asc_weights.c")


@pytest.mark.parametrize("text", ["$(shell id)", "-O2; id", "`id`", "a b", "-DX='1'", "#", "a\\", "\n"])
@pytest.mark.parametrize("place", ["cflags", "ldflags", "libraries", "prefix", "sources", "linker_script"])
def test_boards_bring_nothing_that_make_would_run(place: str, text: str) -> None:
    document = to_plain(read_record(BoardSpec, load_board("host").folder / "board.toml"))
    if place in ("sources", "linker_script"):
        document[place] = [text] if place == "sources" else text
    else:
        document["toolchain"][place] = text if place == "prefix" else [text]
    with pytest.raises(AscKitError, match=place):
        parse_record(BoardSpec, document, where="board.toml")


def test_names_of_flatbuffers_are_printable() -> None:
    assert tensor_name(f"a{OSC}b".encode()) == "a\\x1b]0;owned\\x07b"
    assert tensor_name(b"\xff\n") == "�\\x0a" and tensor_name(None) == "" and len(tensor_name(b"x" * 10**6)) == 1000


# the terminal


def test_the_console_writes_out_what_slips_through() -> None:
    console = PipeConsole(file=io.StringIO(), force_terminal=True, color_system=None, width=400)
    hostile = "".join(CONTROL)
    table = Table("head", hostile)
    table.add_row(Text(hostile), Text(":bus:"))
    for thing in (Text(hostile), table):
        console.print(thing)
    console.print(hostile, ":bus:", markup=False)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert not OBEYED.search(printed) and printed.count(":bus:") == 2 and "\\x1b]0;owned" in printed


def test_lines_and_json_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    say("".join(CONTROL))
    assert not OBEYED.search(capsys.readouterr().out)
    value = {"text": ["".join(CONTROL), "Straße 北京", "\ud800"]}
    assert not OBEYED.search(json_text(value)) and json.loads(json_text(value)) == value
    assert "Straße 北京" in json_text(value)


def test_a_result_is_printed_without_markup_of_its_own(tmp_path: Path) -> None:
    write_json(tmp_path / "results.json", hostile_result())
    console = PipeConsole(file=io.StringIO(), force_terminal=True, width=300)
    console.print(result_tables(read_results([tmp_path])[0].result))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[red]x[/]" in printed and "]8;" not in printed


COMMANDS: Commands = (
    ("predict BUNDLE x.wav", {"BUNDLE": bundle_of}),
    ("live BUNDLE", {"BUNDLE": bundle_of}),
    ("plan BUNDLE", {"BUNDLE": bundle_of}),
    ("complexity BUNDLE", {"BUNDLE": bundle_of}),
    ("firmware BUNDLE --board host --out fw", {"BUNDLE": bundle_of}),
    (
        "firmware MODEL --board host --out fw --labels LABELS",
        {"LABELS": labels_of, "MODEL": lambda _, __: GOLDENS / "bundle-3/model.tflite"},
    ),
    ("bench BUNDLE --board host --data DATA", {"BUNDLE": bundle_of, "DATA": data_of}),
    ("evaluate BUNDLE --data DATA", {"BUNDLE": bundle_of, "DATA": data_of}),
    ("report RESULT -o out", {"RESULT": result_of}),
    ("data check --data DATA", {"DATA": data_of}),
    ("data check --data DATA --json", {"DATA": data_of}),
    ("data info --data DATA", {"DATA": data_of}),
    ("data splits --data DATA", {"DATA": data_of}),
)


@pytest.mark.parametrize("text", TEXTS, ids=["osc", "bidi"])
@pytest.mark.parametrize(("words", "makers"), COMMANDS, ids=[words for words, _ in COMMANDS])
def test_commands_print_nothing_that_a_terminal_obeys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    words: str, makers: dict[str, Maker], text: str,
) -> None:  # fmt: skip
    check_command(tmp_path, monkeypatch, capfd, words, makers, text)


def test_markdown_is_one_line() -> None:
    assert markdown("a\n\n| b <c> [d](e) `f` *g* \\ &amp;") == (
        "a \\| b &lt;c> \\[d\\](e) \\`f\\` \\*g\\* \\\\ &amp;amp;"
    )
