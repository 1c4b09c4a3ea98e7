"""The quality of the boards' answers in a report: accuracy of scenes, or ranking of tags."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from asc_kit.result import BenchmarkResult
from asc_kit.scores.evaluation import Evaluation, Group, TaggingEvaluation, TagGroup

from . import figures
from .parts import DataTable, Figure, Line, Results, Section, columns, of
from .words import count, interval, nats, percent

_SEEN = "Heard in training"
DEVICES = "recording-devices"
"""Anchor of the chapter about recording devices."""


def quality_rows(results: Results) -> tuple[Line, ...]:
    """Return the lines of the overview; a report's results all have the same task."""
    if results[0].result.task == "multi_label":
        return (
            ("lwlrap", lambda r: f"{percent(_tags(r).lwlrap)} ({interval(_tags(r).lwlrap_interval)})"),
            ("Mean of the labels' lwlrap", lambda r: percent(_tags(r).macro_lwlrap)),
            ("Log loss, nats per label", lambda r: nats(_tags(r).log_loss)),
        )
    return (
        ("Accuracy", lambda r: f"{_share(r)} ({interval(_scenes(r).accuracy_interval)})"),
        (
            "Macro accuracy",
            lambda r: f"{percent(_scenes(r).macro_accuracy)} ({interval(_scenes(r).macro_accuracy_interval)})",
        ),
        ("Log loss, nats", lambda r: nats(_scenes(r).log_loss)),
        ("Expected calibration error", lambda r: percent(_scenes(r).ece)),
        ("Accuracy, seen recording devices", lambda r: _accuracy(_scenes(r).seen_devices)),
        ("Accuracy, unseen recording devices", lambda r: _accuracy(_scenes(r).unseen_devices)),
    )


def quality_sections(results: Results) -> tuple[Section, ...]:
    """Return the chapters about labels and recording devices."""
    if results[0].result.task == "multi_label":
        sections = [_by_label(results)]
        if any(len(_tags(item.result).per_recording_device) > 1 for item in results):
            sections.append(_by_device_tags(results))
        return tuple(sections)
    return (_by_scene(results), _by_device(results), _confusions(results), _calibration(results))


def quality_of(result: BenchmarkResult) -> float:
    """Return accuracy, or lwlrap where clips have several labels, from 0 to 1."""
    evaluation = result.evaluation
    return evaluation.accuracy if isinstance(evaluation, Evaluation) else evaluation.lwlrap


def _scenes(result: BenchmarkResult) -> Evaluation:
    assert isinstance(result.evaluation, Evaluation)
    return result.evaluation


def _tags(result: BenchmarkResult) -> TaggingEvaluation:
    assert isinstance(result.evaluation, TaggingEvaluation)
    return result.evaluation


def _share(result: BenchmarkResult) -> str:
    evaluation = _scenes(result)
    return f"{percent(evaluation.accuracy)}, {count(evaluation.correct)} of {count(evaluation.clips)}"


def _accuracy(group: Group | None) -> str | None:
    if group is None:
        return None
    return f"{percent(group.accuracy)}, {count(group.correct)} of {count(group.clips)} ({interval(group.interval)})"


def _ranking(group: TagGroup | None) -> str | None:
    return f"{percent(group.lwlrap)}, {count(group.clips)} clips" if group is not None else None


# --- scenes: one class per clip -----------------------------------------------------------------------------------


def _groups_tables(
    what: str,
    first: tuple[str, ...],
    names: Sequence[tuple[str, ...]],
    results: Results,
    groups_of: Callable[[BenchmarkResult], tuple[Group, ...]],
) -> tuple[DataTable, DataTable]:
    by_name = [{group.name: group for group in groups_of(item.result)} for item in results]

    def table(caption: str, cell: Callable[[Group | None], str | None], *, folded: bool) -> DataTable:
        rows = tuple((*name, *(cell(groups.get(name[0])) or "–" for groups in by_name)) for name in names)
        return DataTable(caption=caption, header=(*first, *columns(results)), rows=rows, folded=folded)

    return (
        table(f"Accuracy by {what}", _accuracy, folded=False),
        table(f"Log loss by {what}, nats", lambda group: nats(group.log_loss) if group else None, folded=True),
    )


def _by_scene(results: Results) -> Section:
    names = list(dict.fromkeys(group.name for item in results for group in _scenes(item.result).per_scene))
    bars = [
        (item.name, {group.name: group.accuracy for group in _scenes(item.result).per_scene}, frozenset[str]())
        for item in results
    ]
    tables = _groups_tables("scene", ("Scene",), [(n,) for n in names], results, lambda r: _scenes(r).per_scene)
    figure = Figure(
        title="Accuracy by scene",
        alt=_bars_alt("Accuracy by scene", bars),
        svg=figures.share_bars(names, names, bars, "accuracy, %"),
    )
    return Section(anchor="scenes", title="Accuracy by scene", figures=(figure,), tables=tables)


def _by_device(results: Results) -> Section:
    names = list(dict.fromkeys(g.name for item in results for g in _scenes(item.result).per_recording_device))
    heard = _heard(names, results)
    shares = [{g.name: g.accuracy for g in _scenes(item.result).per_recording_device} for item in results]
    bars = _device_bars(names, results, shares)
    tables = _groups_tables(
        "recording device",
        ("Recording device", _SEEN),
        [(name, heard[name]) for name in names],
        results,
        lambda r: _scenes(r).per_recording_device,
    )
    return Section(
        anchor=DEVICES,
        title="Accuracy by recording device",
        figures=(_device_figure("Accuracy", "accuracy, %", names, heard, bars),),
        tables=(*tables, *_by_scene_and_device(names, results)),
    )


def _by_scene_and_device(devices: Sequence[str], results: Results) -> list[DataTable]:
    """Cross scenes and recording devices, as the DCASE baselines do; mean ± sd over measurements of one kind."""
    kinds: dict[str, list[BenchmarkResult]] = {}
    for item in results:
        result = item.result
        kinds.setdefault(", ".join((result.name, result.board, result.mode)), []).append(result)
    tables = []
    for kind, runs in kinds.items():
        rows = [
            (
                scene or "All",
                *(
                    _mean_and_deviation([_accuracy_of(run, scene, device) for run in runs])
                    for device in (None, *devices)
                ),
            )
            for scene in (*_scenes(runs[0]).labels, None)
        ]
        name = f" ({kind})" if len(kinds) > 1 else ""
        over = f", mean ± sd over {len(runs)} measurements" if len(runs) > 1 else ""
        tables.append(
            DataTable(
                caption=f"Accuracy by scene and recording device, %{over}{name}",
                header=("Scene", "All", *devices),
                rows=tuple(rows),
                folded=True,
            )
        )
    return tables


def _accuracy_of(result: BenchmarkResult, scene: str | None, device: str | None) -> float | None:
    """Return the share that is right of the clips of a scene and a recording device; None stands for all."""
    right = [
        clip.predicted in clip.labels
        for clip in result.predictions
        if scene in (None, *clip.labels) and device in (None, clip.recording_device)
    ]
    return sum(right) / len(right) if right else None


def _mean_and_deviation(shares: Sequence[float | None]) -> str:
    """Write the mean in percent, and the sample standard deviation of several."""
    known = [100 * share for share in shares if share is not None]
    if not known:
        return "–"
    spread = f" ± {statistics.stdev(known):.1f}" if len(known) > 1 else ""
    return f"{statistics.mean(known):.1f}{spread}"


def _confusions(results: Results) -> Section:
    pictures, tables = [], []
    for item in results:
        evaluation = _scenes(item.result)
        labels, matrix = evaluation.labels, evaluation.confusion
        worst = max(
            (
                (matrix[row][column], true, guess)
                for row, true in enumerate(labels)
                for column, guess in enumerate(labels)
                if row != column
            ),
            default=(0, "", ""),
        )
        mistake = f"The commonest mistake: {worst[1]} taken for {worst[2]}, {worst[0]} clips." if worst[0] else ""
        pictures.append(
            Figure(
                title=of("Confusion matrix", item, results) + "; rows: true scene, columns: predicted, shares of a row",
                alt=f"Confusion matrix. {mistake or 'No mistakes.'} All counts stand in the table below.",
                svg=figures.confusion(labels, matrix),
            )
        )
        tables.append(
            DataTable(
                caption=of("Clips by true scene (row) and predicted scene (column)", item, results),
                header=("", *labels),
                rows=tuple((label, *map(str, counts)) for label, counts in zip(labels, matrix, strict=True)),
                folded=True,
            )
        )
    return Section(anchor="confusions", title="Confusions", figures=tuple(pictures), tables=tuple(tables))


def _calibration(results: Results) -> Section:
    pictures = []
    for item in results:
        evaluation = _scenes(item.result)
        bins = [(cell.clips, cell.confidence, cell.accuracy) for cell in evaluation.calibration]
        sure = sum(cell.clips * cell.confidence for cell in evaluation.calibration) / evaluation.clips
        pictures.append(
            Figure(
                title=of("How often it is right, by how sure it is; dashed: equally", item, results),
                alt=f"Reliability diagram. Mean confidence {percent(sure)}, accuracy {percent(evaluation.accuracy)}, "
                f"expected calibration error {percent(evaluation.ece)}.",
                svg=figures.reliability(bins),
            )
        )
    text = "Confidence is the probability of the likeliest class. Above the dashed line the model is right more often "
    return Section(anchor="calibration", title="Calibration", text=(f"{text}than it says.",), figures=tuple(pictures))


# --- tags: several labels per clip --------------------------------------------------------------------------


def _by_label(results: Results) -> Section:
    names = list(dict.fromkeys(label.name for item in results for label in _tags(item.result).per_label))
    scores = [{label.name: label for label in _tags(item.result).per_label} for item in results]
    # the best first, because labels are many
    names.sort(key=lambda name: -scores[0][name].lwlrap if name in scores[0] else 1.0)
    bars = [
        (item.name, {label.name: label.lwlrap for label in _tags(item.result).per_label}, frozenset[str]())
        for item in results
    ]
    table = DataTable(
        caption="lwlrap by label",
        header=("Label", "Clips", *columns(results)),
        rows=tuple(
            (
                name,
                count(max(labels[name].clips for labels in scores if name in labels)),
                *(percent(labels[name].lwlrap) if name in labels else "–" for labels in scores),
            )
            for name in names
        ),
    )
    figure = Figure(
        title="lwlrap by label", alt=_bars_alt("lwlrap by label", bars),
        svg=figures.share_bars(names, names, bars, "lwlrap, %"),
    )  # fmt: skip
    text = (
        "lwlrap: for each label a clip has, the share of right ones among the labels the model ranks at least as high; "
        "the mean over all of them."
    )
    return Section(anchor="labels", title="Ranking by label", text=(text,), figures=(figure,), tables=(table,))


def _by_device_tags(results: Results) -> Section:
    groups = [{g.name: g for g in _tags(item.result).per_recording_device} for item in results]
    names = list(dict.fromkeys(name for of_result in groups for name in of_result))
    heard = _heard(names, results)
    bars = _device_bars(names, results, [{name: g.lwlrap for name, g in of_result.items()} for of_result in groups])
    table = DataTable(
        caption="lwlrap by recording device",
        header=("Recording device", _SEEN, *columns(results)),
        rows=tuple(
            (name, heard[name], *(_ranking(of_result.get(name)) or "–" for of_result in groups)) for name in names
        ),
    )
    return Section(
        anchor=DEVICES,
        title="Ranking by recording device",
        figures=(_device_figure("lwlrap", "lwlrap, %", names, heard, bars),),
        tables=(table,),
    )


# --- both ----------------------------------------------------------------------------------------------------------


def _heard(names: Sequence[str], results: Results) -> dict[str, str]:
    heard = {name: [name in item.result.train_recording_devices for item in results] for name in names}
    return {name: "yes" if all(h) else "no" if not any(h) else "in some" for name, h in heard.items()}


def _device_bars(names: Sequence[str], results: Results, shares: Sequence[dict[str, float]]) -> figures.Bars:
    return [
        (item.name, share, frozenset(name for name in names if name not in item.result.train_recording_devices))
        for item, share in zip(results, shares, strict=True)
    ]


def _device_figure(what: str, axis: str, names: Sequence[str], heard: dict[str, str], bars: figures.Bars) -> Figure:
    ticks = [name if heard[name] == "yes" else f"{name} (unseen)" for name in names]
    return Figure(
        title=f"{what} by recording device; hatched: not heard in training",
        alt=_bars_alt(f"{what} by recording device", bars),
        svg=figures.share_bars(names, ticks, bars, axis),
    )


def _bars_alt(title: str, bars: figures.Bars) -> str:
    parts = []
    for name, shares, unseen in bars:
        listed = ", ".join(f"{k}{' (unseen)' if k in unseen else ''} {percent(v)}" for k, v in shares.items())
        parts.append(f"{name}: {listed}" if len(bars) > 1 else listed)
    return f"{title}. {'; '.join(parts)}."
