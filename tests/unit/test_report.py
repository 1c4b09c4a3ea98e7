"""The report: its numbers are those of results.json, and the page needs nothing from outside."""

import csv
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from html_page import Page, markdown_tables
from sample_result import LABELS, TEST_DEVICES, TRAIN_DEVICES, host_result, sample_result

from asc_kit.device_runner.report import figures, read_results, write_report
from asc_kit.errors import SpecError
from asc_kit.records.record import write_json
from asc_kit.result import BenchmarkResult, ClipDifference
from asc_kit.scores.evaluation import Evaluation, Group, TaggingEvaluation


def save(folder: Path, **results: BenchmarkResult) -> list[Path]:
    for name, result in results.items():
        write_json(folder / f"{name}.json", result)
    return [folder / f"{name}.json" for name in results]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[BenchmarkResult, Page, str]:
    folder = tmp_path_factory.mktemp("one")
    result = sample_result()
    page, markdown = write_report(read_results(save(folder, results=result)), folder / "report")
    return result, Page(page.read_text()), markdown.read_text()


def test_the_numbers_are_those_of_the_result(one: tuple[BenchmarkResult, Page, str]) -> None:
    result, page, _ = one
    rows = page.rows("Results at a glance")
    found = result.evaluation
    assert isinstance(found, Evaluation)
    low, high = (f"{100 * end:.1f}" for end in found.accuracy_interval)
    assert rows["Accuracy"] == [
        f"{100 * found.accuracy:.1f} %, {found.correct} of 180 (95 % interval {low} to {high} %)"
    ]
    assert rows["Macro accuracy"][0].startswith(f"{100 * found.macro_accuracy:.1f} % (95 % interval")
    assert rows["Log loss, nats"] == [f"{found.log_loss:.3f}"]
    assert rows["Expected calibration error"] == [f"{100 * found.ece:.1f} %"]
    assert rows["Outputs bit-identical to the reference"] == ["180 of 180"]
    assert rows["Network, median per inference"] == ["1,234,567 instructions"]
    assert rows["RAM of the network (arena)"] == ["23,456 B"]
    assert rows["Deepest stack"] == ["812 B"]
    assert rows["Features that differ from the reference"] == ["0.123 %, by at most 1 LSB"]
    assert found.unseen_devices is not None
    assert rows["Accuracy, unseen recording devices"] == [share(found.unseen_devices)]


def share(group: Group) -> str:
    """How a group's accuracy is written."""
    low, high = (f"{100 * end:.1f}" for end in group.interval)
    return f"{100 * group.accuracy:.1f} %, {group.correct} of {group.clips} (95 % interval {low} to {high} %)"


def test_the_first_screen_has_four_figures_and_the_agreement(one: tuple[BenchmarkResult, Page, str]) -> None:
    result, page, markdown = one
    assert isinstance(result.evaluation, Evaluation)
    low, high = (f"{100 * end:.1f}" for end in result.evaluation.accuracy_interval)
    lines = (
        f"- Accuracy: {100 * result.evaluation.accuracy:.1f} % (95 % interval {low} to {high} %)",
        "- Instructions per inference: 1.23 M (the same every time)",
        # 23,456 + 12,288 + 812 and 14,320 + 37,104 + 4,100 + 9,216 bytes
        "- RAM: 35.7 kB (arena 22.9, front end 12.0, stack 0.8)",
        "- Flash: 63.2 kB (weights 36.2, code 14.0, front end 13.0)",
        "- All outputs are bit-identical to the reference kernels; same label as the host on 180 of 180 clips.",
    )
    head = markdown[: markdown.index("## ")]
    assert all(line in head.splitlines() for line in lines), head
    cards = [value for tag, name, value in page.attributes if (tag, name) == ("article", "class")]
    assert cards == ["card"]


def test_flash_is_not_summed_without_the_network(tmp_path: Path) -> None:
    _, markdown = write_report(read_results(save(tmp_path, a=host_result())), tmp_path / "report")
    assert "- Flash: – (not known: the firmware was not built here)" in markdown.read_text()
    assert " & -- & " in (tmp_path / "report" / "report.tex").read_text()


def test_scenes_and_recording_devices_are_crossed(one: tuple[BenchmarkResult, Page, str]) -> None:
    result, page, _ = one
    rows = page.rows("Accuracy by scene and recording device, %")
    assert rows["Scene"] == ["All", *TEST_DEVICES] and list(rows) == ["Scene", *LABELS, "All"]
    for scene in LABELS:
        for device, cell in zip(TEST_DEVICES, rows[scene][1:], strict=True):
            right = [
                p.predicted == scene
                for p in result.predictions
                if p.labels == (scene,) and p.recording_device == device
            ]
            assert cell == f"{100 * sum(right) / len(right):.1f}"
    assert isinstance(result.evaluation, Evaluation)
    assert rows["All"][0] == f"{100 * result.evaluation.accuracy:.1f}"


def test_runs_of_one_kind_have_a_mean_and_a_deviation(tmp_path: Path) -> None:
    runs = [sample_result(seed) for seed in (1, 2, 3)]
    named = read_results(save(tmp_path, a=runs[0], b=runs[1], c=runs[2]))
    page = Page(write_report(named, tmp_path / "report")[0].read_text())
    rows = page.rows("Accuracy by scene and recording device, %, mean ± sd over 3 measurements")
    shares = [100 * run.evaluation.accuracy for run in runs if isinstance(run.evaluation, Evaluation)]
    assert rows["All"][0] == f"{np.mean(shares):.1f} ± {np.std(shares, ddof=1):.1f}"


def test_figures_for_other_programs(tmp_path: Path) -> None:
    audio, host = sample_result(1), host_result(3)
    write_report(read_results(save(tmp_path, audio=audio, host=host)), tmp_path / "report")
    with (tmp_path / "report" / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    documents = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [row["board"] for row in rows] == ["qemu-mps2-an386", "host"]
    for row, document, result in zip(rows, documents, (audio, host), strict=True):
        assert row == {name: "" if value is None else str(value) for name, value in document.items()}
        assert document["accuracy"] == pytest.approx(result.evaluation.accuracy, abs=1e-6)
        assert document["code_bytes"] == result.memory.code_bytes and document["lwlrap"] is None
    latex = (tmp_path / "report" / "report.tex").read_text()
    assert "cp\\_mobile\\_micro & qemu-mps2-an386 &" in latex and "1.23\\,M instructions" in latex
    assert all(line.count("&") == 7 for line in latex.splitlines() if line.endswith("\\\\"))
    badge = ElementTree.parse(tmp_path / "report" / "badge.svg").getroot()
    share = f"{100 * audio.evaluation.accuracy:.1f} % on qemu-mps2-an386"
    assert [element.text for element in badge if element.text] == ["cp_mobile_micro", share]


def test_the_front_joins_what_no_other_beats() -> None:
    points = [("a", 1.0, 0.5, 10), ("b", 2.0, 0.7, 10), ("worse", 3.0, 0.6, 10), ("c", 4.0, 0.9, 10)]
    drawn = figures.pareto(points, "ms", "accuracy, %")
    shape = re.search(r'<path d="([^"]*)"[^>]*style="fill: none; stroke: var\(--rule\); stroke-width: 1.2', drawn)
    assert shape is not None and re.findall("[ML]", shape[1]) == ["M", "L", "L"]


def test_scenes_and_recording_devices(one: tuple[BenchmarkResult, Page, str]) -> None:
    result, page, _ = one
    scenes = page.rows("Accuracy by scene")
    assert list(scenes) == ["Scene", *LABELS]
    assert isinstance(result.evaluation, Evaluation)
    losses = page.rows("Log loss by scene, nats")
    for group in result.evaluation.per_scene:
        assert scenes[group.name] == [share(group)]
        assert losses[group.name] == [f"{group.log_loss:.3f}"]
    devices = page.rows("Accuracy by recording device")
    assert {name: cells[0] for name, cells in devices.items() if name != "Recording device"} == {
        name: "yes" if name in TRAIN_DEVICES else "no" for name in TEST_DEVICES
    }
    for group in result.evaluation.per_recording_device:
        assert devices[group.name][1] == share(group)


def test_confusions_count_the_predictions(one: tuple[BenchmarkResult, Page, str]) -> None:
    result, page, _ = one
    table = page.tables["Clips by true scene (row) and predicted scene (column)"]
    assert table[0][1:] == list(LABELS)
    for row in table[1:]:
        for predicted, cell in zip(LABELS, row[1:], strict=True):
            assert int(cell) == sum(p.labels == (row[0],) and p.predicted == predicted for p in result.predictions)


def test_latency_profile_and_memory(one: tuple[BenchmarkResult, Page, str]) -> None:
    result, page, _ = one
    latency = page.rows("Latency per inference, in instructions")
    assert latency["Network"] == ["1,234,567"] * 4
    frontend = result.latency.frontend
    assert frontend is not None
    assert latency["Front end"][0] == f"{frontend.min:,}" and latency["Front end"][3] == f"{frontend.max:,}"
    profile = page.rows("Operators, one inference; time in instructions")
    total = sum(o.time for o in result.profile)
    for operator in result.profile:
        macs, time, share, _, output = profile[f"{operator.index} {operator.op}"]
        assert (macs, time, output) == (f"{operator.macs:,}", f"{operator.time:,}", operator.output)
        assert share == f"{100 * operator.time / total:.1f} %"
    assert profile["Sum"][1] == f"{total:,}"
    memory = page.rows("Memory")
    assert memory["Flash: weights"] == ["37,104 B"] and memory["Whole image: flash"] == ["81,920 B"]


def test_where_the_figures_come_from(one: tuple[BenchmarkResult, Page, str]) -> None:
    result, page, markdown = one
    prints = page.rows("Fingerprints")
    assert prints["Model, SHA-256"] == [result.model_sha256] and prints["Front end"] == [result.spec_id]
    assert prints["Firmware"] == [result.firmware_id] and prints["Clips"] == [result.evaluation.data_id]
    assert page.rows("Environment")["qemu"] == ["7.2.0"]
    assert {row[0]: row[1:] for row in markdown_tables(markdown)["Fingerprints"]} == prints


def test_instructions_are_not_called_time(one: tuple[BenchmarkResult, Page, str]) -> None:
    _, page, markdown = one
    assert (
        "is not a time" in markdown
        and " ms" not in page.rows("Results at a glance")["Network, median per inference"][0]
    )


def test_the_page_needs_nothing_from_outside(one: tuple[BenchmarkResult, Page, str]) -> None:
    _, page, _ = one
    for tag, name, value in page.attributes:
        assert tag not in ("script", "link", "iframe", "object", "embed")
        if name in ("src", "href", "xlink:href", "data", "srcset", "action", "poster"):
            assert value.startswith("#"), (tag, name, value)
        assert "url(" not in value or re.fullmatch(r".*url\(#\w+\).*", value), (tag, name, value)


def test_pictures_have_words(one: tuple[BenchmarkResult, Page, str]) -> None:
    result, page, _ = one
    assert len(page.labels) == 7
    assert all(len(label) > 20 for label in page.labels)
    shares = ", ".join(f"{group.name} {100 * group.accuracy:.1f} %" for group in result.evaluation.per_scene)
    assert f"Accuracy by scene. {shares}." in page.labels


def test_pictures_take_the_pages_colours(one: tuple[BenchmarkResult, Page, str]) -> None:
    _, page, _ = one
    styles = [value for _, name, value in page.attributes if name == "style"]
    assert any("currentColor" in style for style in styles)
    # white stands on coloured cells only
    assert not any(re.search(r"#(000000|010203|040506)", style) for style in styles)


def test_markdown_has_the_same_tables(one: tuple[BenchmarkResult, Page, str]) -> None:
    _, page, markdown = one
    assert len(page.tables) > 8
    assert markdown_tables(markdown) == page.tables


def test_same_results_same_bytes(tmp_path: Path) -> None:
    results = read_results(save(tmp_path, a=sample_result(clips=36)))
    first, second = write_report(results, tmp_path / "1"), write_report(results, tmp_path / "2")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_several_results_side_by_side(tmp_path: Path) -> None:
    audio, features, host = sample_result(1), sample_result(2, mode="features"), host_result(3)
    paths = save(tmp_path, audio=audio, features=features, host=host)
    named = read_results(paths)
    names = [item.name for item in named]
    assert names == ["qemu-mps2-an386, audio in", "qemu-mps2-an386, features in", "host, audio in"]
    page = Page(write_report(named, tmp_path / "report")[0].read_text())
    rows = page.tables["Results at a glance"]
    assert rows[0] == ["", *names]
    by_title = {row[0]: row[1:] for row in rows}
    for cell, result in zip(by_title["Accuracy"], (audio, features, host), strict=True):
        assert cell.startswith(f"{100 * result.evaluation.accuracy:.1f} %, {result.evaluation.correct} of 180")
    # what a result does not have is not made up
    assert by_title["Weights"] == ["37,104 B", "37,104 B", "–"] and by_title["Deepest stack"][2] == "–"
    milliseconds = 1000 * host.latency.median / 1e9
    assert by_title["Network, median per inference"][2].endswith(f"nanoseconds ({milliseconds:.3g} ms)")
    assert f"Latency per inference, in nanoseconds ({names[2]})" in page.tables


def test_results_on_different_clips_are_not_compared_silently(tmp_path: Path) -> None:
    words = "measured on different clips"
    same = save(tmp_path, a=sample_result(1, clips=12), b=sample_result(2, clips=12))
    assert words not in write_report(read_results(same), tmp_path / "same")[1].read_text()
    second = sample_result(2, clips=12)
    second = replace(second, evaluation=replace(second.evaluation, data_id="0" * 16))
    other = save(tmp_path, a=sample_result(1, clips=12), b=second)
    assert words in write_report(read_results(other), tmp_path / "other")[1].read_text()


def test_tags_are_ranked_and_windows_counted(tmp_path: Path) -> None:
    result = sample_result(task="multi_label")
    found = result.evaluation
    assert isinstance(found, TaggingEvaluation)
    page = Page(write_report(read_results(save(tmp_path, a=result)), tmp_path / "report")[0].read_text())
    rows = page.rows("Results at a glance")
    low, high = (f"{100 * end:.1f}" for end in found.lwlrap_interval)
    assert rows["lwlrap"] == [f"{100 * found.lwlrap:.1f} % (95 % interval {low} to {high} %)"]
    assert rows["Clips"] == ["180 (split test)"] and rows["Windows"] == ["360"]
    assert "Accuracy" not in rows and not any("predicted scene" in caption for caption in page.tables)
    labels = page.rows("lwlrap by label")
    assert {name: cells for name, cells in labels.items() if name != "Label"} == {
        label.name: [str(label.clips), f"{100 * label.lwlrap:.1f} %"] for label in found.per_label
    }
    values = [float(cells[1][:-2]) for name, cells in labels.items() if name != "Label"]
    assert values == sorted(values, reverse=True)
    devices = page.rows("lwlrap by recording device")
    for group in found.per_recording_device:
        assert devices[group.name][1] == f"{100 * group.lwlrap:.1f} %, {group.clips} clips"


def test_scenes_and_tags_are_not_compared(tmp_path: Path) -> None:
    paths = save(tmp_path, a=sample_result(clips=12), b=sample_result(clips=12, task="multi_label"))
    with pytest.raises(SpecError, match="their figures cannot be compared"):
        read_results(paths)


def test_runs_of_one_kind_are_numbered(tmp_path: Path) -> None:
    named = read_results(save(tmp_path, a=sample_result(1), b=sample_result(2)))
    assert [item.name for item in named] == ["1: qemu-mps2-an386", "2: qemu-mps2-an386"]


def test_names_from_the_data_are_escaped(tmp_path: Path) -> None:
    result = replace(sample_result(clips=36), board_title="<script>alert('x')</script> & Co | Ltd")
    page, markdown = write_report(read_results(save(tmp_path, a=result)), tmp_path / "report")
    assert "<script" not in page.read_text() and "&lt;script&gt;" in page.read_text()
    assert "\\| Ltd" in markdown.read_text()


def test_a_result_without_profile_and_memory(tmp_path: Path) -> None:
    memory = replace(
        sample_result().memory,
        **{name: None for name in ("stack_bytes", "code_bytes", "weight_bytes", "frontend_bytes", "frontend_code_bytes",
                                   "frontend_table_bytes", "image_flash_bytes", "image_ram_bytes")},
    )  # fmt: skip
    result = replace(sample_result(clips=1, mode="features", unit="cycles"), memory=memory, profile=())
    page = Page(write_report(read_results(save(tmp_path, a=result)), tmp_path / "report")[0].read_text())
    assert list(page.rows("Memory")) == ["", "RAM: network (arena, input included)"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "asc_kit", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command(tmp_path: Path) -> None:
    save(tmp_path / "bench", results=sample_result(clips=36))
    done = run(tmp_path / "bench", "-o", tmp_path / "bench", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert Path(document["html"]).is_file() and Path(document["markdown"]).is_file() and document["results"] == 1
    # beside the results, and twice
    assert (tmp_path / "bench" / "results.json").is_file()
    assert run(tmp_path / "bench", "-o", tmp_path / "bench").returncode == 0


def altered(**changes: object) -> str:
    from asc_kit.records.record import to_plain

    return json.dumps(to_plain(sample_result(clips=12)) | changes)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        ("", "is empty, not a benchmark result"),
        ("{", "cannot be read as JSON"),
        ("[1, 2]", "is not a benchmark result"),
        ('{"schema_version": 2, "labels": []}', "is not a benchmark result"),
        (altered(schema_version=1), "has schema version 1, this asc-kit reads 2"),
        (altered(windows="many"), "windows"),
        (altered(task="multi_label"), "contradicts itself"),
        (altered(colour="red"), "colour"),
        (altered(predictions=[]), "holds no predictions"),
        (altered(clips=13), "says 13 clips, but holds 12"),
        (altered(labels=["airport", "bus"]), "which is not among its labels"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, content: str | None, says: str) -> None:
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SpecError, match=re.escape(says)):
        read_results([path])


def test_the_same_result_twice_is_refused(tmp_path: Path) -> None:
    (path,) = save(tmp_path, a=sample_result(clips=12))
    (tmp_path / "copy.json").write_bytes(path.read_bytes())
    with pytest.raises(SpecError, match=r"copy\.json and .*a\.json are the same result"):
        read_results([path, tmp_path / "copy.json"])


def test_nothing_is_written_when_one_is_bad(tmp_path: Path) -> None:
    (path,) = save(tmp_path, a=sample_result(clips=12))
    done = run(path, tmp_path / "absent.json", "-o", tmp_path / "report")
    assert done.returncode == 1 and "absent.json does not exist" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "report").exists()


def test_labels_are_drawn_as_they_are_written(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    path = tmp_path / "results.json"
    write_json(path, sample_result(clips=36))
    path.write_text(path.read_text().replace('"metro_station"', '"$5 or $6, 駅"'))
    page, markdown = write_report(read_results([path]), tmp_path / "report")
    # the matrix has it on both axes, the bars once
    assert page.read_text().count(">$5 or $6, 駅</text>") == 3
    assert "| $5 or $6, 駅 |" in markdown.read_text()
    assert not [w for w in recwarn if "Glyph" in str(w.message)]


def run_folder(root: Path, second: int, *, clips: int, partial: bool, runs: str = "host-audio") -> Path:
    """A measurement in its usual place, begun in that second."""
    result = sample_result(seed=second, clips=clips)
    run_id = f"20260102T0304{second:02}Z-0123abcd"
    path = root / "results" / "bundle" / runs / run_id / "results.json"
    write_json(path, replace(result, run_id=run_id, partial=partial, split_clips=36))
    return path


def test_of_a_folder_the_newest_full_measurement_of_each_kind_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder(tmp_path, 1, clips=36, partial=False)
    newest = run_folder(tmp_path, 2, clips=36, partial=False)
    run_folder(tmp_path, 3, clips=6, partial=True)
    other = run_folder(tmp_path, 4, clips=6, partial=True, runs="host-features")
    named = tmp_path / "results" / "mine" / "results.json"
    write_json(named, sample_result(seed=9, clips=36))
    (tmp_path / "results" / "bundle" / "host-audio" / "20260102T030459Z-0123abcd").mkdir()  # begun, not done
    assert [item.path for item in read_results([tmp_path / "results"])] == [newest, other, named]
    assert "2 older or partial measurements" in capsys.readouterr().err.replace("\n", " ")
    assert len(read_results([tmp_path / "results"], every=True)) == 5
    # one folder of runs, and one run
    assert [item.path for item in read_results([newest.parents[1]])] == [newest]
    assert [item.path for item in read_results([newest.parent])] == [newest]


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"holds no results\.json, nor does any folder in it") as caught:
        read_results([tmp_path])
    assert "--resume" in str(caught.value.hint)


def test_a_partial_measurement_says_so(tmp_path: Path) -> None:
    path = run_folder(tmp_path, 1, clips=6, partial=True)
    page, markdown = write_report(read_results([path]), tmp_path / "report")
    assert Page(page.read_text()).rows("Results at a glance")["Clips"] == ["6 of 36: partial (split test)"]
    assert "A partial measurement: 6 of the 36 clips of the split." in markdown.read_text()


def test_what_is_not_as_it_must_be_stands_at_the_head(tmp_path: Path) -> None:
    result = sample_result(clips=6)
    network = ClipDifference(window=0, side="network", reproducible=True, text="outputs are off by up to 3 steps")
    front_end = ClipDifference(window=0, side="front_end", reproducible=False, text="2 features are off")
    first, second, *rest = result.predictions
    predictions = (
        replace(first, bit_identical=False, differences=(network,)),
        replace(second, feature_lsb_max=9, differences=(front_end,)),
        *rest,
    )
    wrong = replace(result, predictions=predictions, bit_identical=5, feature_lsb_max=9)
    page, markdown = write_report(read_results(save(tmp_path, a=wrong)), tmp_path / "report")
    head = markdown.read_text().partition("**Results at a glance**")[0]
    assert "Not as it must be: 1 of 6 outputs differ from the reference kernels" in head
    assert "To blame is the network of the board, the same again in 1 of 1 clips" in head
    assert "To blame is the front end of the board, the same again in 0 of 1 clips" in head
    assert f"Worst in {second.filename} (3 features, by up to 9 LSB, most in mel bands 3, 4 in frames 1 to 30)" in head
    rows = Page(page.read_text()).tables["Clips that were sent again, and who is to blame"]
    assert [row[0] for row in rows[1:]] == [first.filename, second.filename]
    assert Page(page.read_text()).rows("Results at a glance")["Front end within tolerance"] == [
        "NO (at most 1 %, by 1 LSB)"
    ]


def test_what_was_put_right_is_counted(tmp_path: Path) -> None:
    result = sample_result(clips=6)
    page = Page(write_report(read_results(save(tmp_path, a=result)), tmp_path / "report")[0].read_text())
    rows = page.rows("Put right on the line")
    assert rows["Requests sent again"] == ["2"] and rows["Clips begun again"] == ["1"]


def test_what_an_old_result_does_not_know_is_left_out(tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "goldens" / "results-2.json"
    before = golden.read_bytes()
    named = read_results([golden])
    assert named[0].result.run_id is None and named[0].result.partial is None and named[0].result.samples_id is None
    page = Page(write_report(named, tmp_path / "report")[0].read_text())
    rows = page.rows("Put right on the line")
    assert list(rows) == ["", "Requests sent again"]
    assert not {"Samples sent", "Measurement"} & set(page.rows("Fingerprints"))
    assert golden.read_bytes() == before
