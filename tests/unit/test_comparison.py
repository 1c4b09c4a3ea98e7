"""Two measurements compared: accuracy clip by clip, against SciPy's test; costs as ratios; limits as exit codes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sample_result import host_result, sample_result
from scipy.stats import binomtest

from asc_kit.device_runner.comparison import Limits, compare, mcnemar
from asc_kit.errors import SpecError
from asc_kit.records.record import write_json
from asc_kit.result import BenchmarkResult

LIMITS = Limits(drop_points=None, latency_percent=5, ram_percent=5, flash_percent=5)


def spoil(result: BenchmarkResult, count: int, *, device: str | None = None) -> BenchmarkResult:
    """Make the first clips that are right wrong, of all recording devices or of one."""
    predictions = []
    for item in result.predictions:
        if count and item.predicted in item.labels and device in (None, item.recording_device):
            wrong = next(label for label in result.labels if label not in item.labels)
            item, count = replace(item, predicted=wrong), count - 1
        predictions.append(item)
    assert count == 0
    return replace(result, predictions=tuple(predictions))


def keep(result: BenchmarkResult, clips: slice) -> BenchmarkResult:
    predictions = result.predictions[clips]
    return replace(
        result, predictions=predictions, clips=len(predictions), windows=len(predictions), bit_identical=0,
        host_agreement=0,
    )  # fmt: skip


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (1, 0), (5, 5), (0, 5), (0, 6), (17, 31), (400, 300)])
def test_mcnemar_is_the_binomial_test_of_the_clips_that_differ(lost: int, gained: int) -> None:
    expected = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert mcnemar(lost, gained) == pytest.approx(expected, rel=1e-9)


def test_a_measurement_equals_itself() -> None:
    result = sample_result()
    found = compare(result, result, LIMITS)
    assert (found.clips.lost, found.clips.gained, found.clips.p_value) == (0, 0, 1.0)
    assert (found.changed_labels, found.changed_outputs, found.left_out, found.failures) == (0, 0, 0, ())
    assert {cost.change_percent for cost in found.costs} == {0.0}


def test_clips_are_paired_and_grouped() -> None:
    old, other = sample_result(1), sample_result(2)
    found = compare(old, other, LIMITS)
    right = {item.filename: item.predicted in item.labels for item in old.predictions}
    later = {item.filename: item.predicted in item.labels for item in other.predictions}
    assert found.clips.lost == sum(right[name] and not later[name] for name in right) > 0
    assert found.clips.gained == sum(later[name] and not right[name] for name in right) > 0
    assert found.clips.change_points == pytest.approx(100 * (other.evaluation.accuracy - old.evaluation.accuracy))
    for groups in (found.recording_devices, found.labels):
        assert sum(group.clips for group in groups) == 180
        assert sum(group.lost for group in groups) == found.clips.lost
    assert [group.name for group in found.recording_devices] == ["a", "b", "c", "s1", "s4", "s5"]
    assert [group.old_right for group in found.labels] == [group.correct for group in old.evaluation.per_scene]


def test_order_and_missing_clips_do_not_matter() -> None:
    old = sample_result()
    new = replace(keep(old, slice(30, None)), predictions=tuple(reversed(keep(old, slice(30, None)).predictions)))
    found = compare(old, new, LIMITS)
    assert (found.clips.clips, found.left_out, found.changed_outputs) == (150, 30, 0)


def test_five_lost_clips_may_be_chance_and_six_are_not() -> None:
    old = sample_result()
    assert compare(old, spoil(old, 5), LIMITS).failures == ()
    (failure,) = compare(old, spoil(old, 6), LIMITS).failures
    assert failure.startswith("accuracy fell by 3.33 points: 6 clips were lost and 0 gained")
    assert compare(spoil(old, 6), old, LIMITS).failures == ()


def test_a_drop_that_is_named_needs_no_significance() -> None:
    old = sample_result()
    assert compare(old, spoil(old, 2), replace(LIMITS, drop_points=1.2)).failures == ()
    assert len(compare(old, spoil(old, 3), replace(LIMITS, drop_points=1.2)).failures) == 1
    assert compare(old, spoil(old, 6), replace(LIMITS, drop_points=5.0)).failures == ()


@pytest.mark.parametrize(
    ("field", "name"),
    [("arena_bytes", "RAM"), ("stack_bytes", "RAM"), ("code_bytes", "flash"), ("weight_bytes", "flash")],
)
def test_memory_that_grows_beyond_its_limit_fails(field: str, name: str) -> None:
    old = sample_result()
    sums = {"RAM": 23_456 + 12_288 + 812, "flash": 14_320 + 37_104 + 4_100 + 9_216}

    def grown(by: int) -> BenchmarkResult:
        return replace(old, memory=replace(old.memory, **{field: getattr(old.memory, field) + by}))

    limit = int(0.05 * sums[name])
    assert compare(old, grown(limit), LIMITS).failures == ()
    (failure,) = compare(old, grown(limit + 1), LIMITS).failures
    assert failure.startswith(f"{name} grew by 5.0") and "Expected: at most 5 %" in failure


def test_latency_that_grows_beyond_its_limit_fails() -> None:
    old = sample_result()
    slower = replace(old, latency=replace(old.latency, median=old.latency.median * 1.06))
    (failure,) = compare(old, slower, LIMITS).failures
    assert failure.startswith("network, median grew by 6.00 %, from 1,234,567 to 1,308,641 instructions")
    assert compare(old, slower, replace(LIMITS, latency_percent=6.1)).failures == ()
    assert compare(slower, old, LIMITS).failures == ()


def test_instructions_are_not_compared_with_time() -> None:
    found = compare(sample_result(), host_result(1), LIMITS)
    assert [cost.name for cost in found.costs] == ["RAM", "flash"]
    assert any("latency is not compared" in note for note in found.notes)
    # of weights, code and stack one side knows nothing
    assert [(cost.old, cost.new) for cost in found.costs] == [(35_744, 35_744), (13_316, 13_316)]


def test_what_cannot_be_compared_is_refused() -> None:
    old = sample_result()
    with pytest.raises(SpecError, match="other labels"):
        compare(old, sample_result(task="multi_label"), LIMITS)
    with pytest.raises(SpecError, match="no clip in common"):
        compare(keep(old, slice(0, 90)), keep(old, slice(90, None)), LIMITS)
    first = old.predictions[0]
    for changed, says in (
        (replace(first, samples_id="f" * 16), "is other audio"),
        (replace(first, labels=("tram",)), "has other labels"),
    ):
        with pytest.raises(SpecError, match=f"{first.filename} {says}"):
            compare(old, replace(old, predictions=(changed, *old.predictions[1:])), LIMITS)


def test_another_front_end_hears_other_samples() -> None:
    old = sample_result()
    new = replace(old, spec_id="f" * 16, predictions=tuple(replace(p, samples_id="f" * 16) for p in old.predictions))
    assert compare(old, new, LIMITS).clips.clips == 180


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "asc_kit", "compare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def save(folder: Path, result: BenchmarkResult) -> Path:
    folder.mkdir()
    write_json(folder / "results.json", result)
    return folder


def test_the_command(tmp_path: Path) -> None:
    old = sample_result()
    before, same, worse = (
        save(tmp_path / name, result) for name, result in (("old", old), ("same", old), ("worse", spoil(old, 12)))
    )
    fine = run(before, same / "results.json")
    assert fine.returncode == 0 and "all clips" in fine.stdout and "the same model" in fine.stderr
    bad = run(before, worse)
    assert bad.returncode == 4 and "12 clips were lost and 0 gained" in bad.stderr
    assert run(before, worse, "--max-drop", "7").returncode == 0
    document = json.loads(run(before, worse, "--json").stdout)
    assert document["clips"]["lost"] == 12 and len(document["failures"]) == 1


def test_a_folder_of_several_measurements_is_not_guessed_at(tmp_path: Path) -> None:
    old = sample_result()
    results = tmp_path / "results"
    results.mkdir()
    save(results / "one", old)
    save(results / "two", spoil(old, 1))
    refused = run(results, results / "one")
    assert refused.returncode == 1 and "holds 2 measurements" in refused.stderr
