"""Evaluations as tables: the right figure in the right row and column, in 80 columns."""

import io

from rich.console import Console
from sample_evaluation import perfect_evaluation

from asc_kit.scores.evaluation import Evaluation, TaggingEvaluation
from asc_kit.scores.tables import evaluation_table


def rows_of(evaluation: Evaluation | TaggingEvaluation) -> dict[str, list[str]]:
    """Cells of each row by the row's name; the last of a name wins."""
    console = Console(file=io.StringIO(), width=80)
    console.print(evaluation_table(evaluation))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    lines = [line.strip("│┃").replace("┃", "│").split("│") for line in text.splitlines() if line[:1] in "│┃"]
    return {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}


def test_accuracy_has_a_row_for_each_scene_device_and_total() -> None:
    found = perfect_evaluation(["metro", "park", "tram"])
    assert isinstance(found, Evaluation)
    rows = rows_of(found)
    assert rows[""] == ["clips", "correct", "%", "95 % interval", "log loss"]
    low, high = found.accuracy_interval
    assert rows["all clips"] == [
        str(found.clips), str(found.correct), "100.0", f"{100 * low:.1f} to {100 * high:.1f}", f"{found.log_loss:.3f}",
    ]  # fmt: skip
    for group in (*found.per_scene, *found.per_recording_device):
        assert rows[group.name][:3] == [str(group.clips), str(group.correct), "100.0"]
    assert rows["calibration error (ECE)"][2] == f"{100 * found.ece:.1f}"


def test_label_ranking_has_a_row_for_each_label() -> None:
    found = perfect_evaluation(["metro", "park", "tram"], "multi_label")
    assert isinstance(found, TaggingEvaluation)
    rows = rows_of(found)
    assert rows["all clips"][:2] == [str(found.clips), f"{100 * found.lwlrap:.1f}"]
    for label in found.per_label:
        assert rows[label.name][:2] == [str(label.clips), f"{100 * label.lwlrap:.1f}"]
