"""What a report says, as plain sections of text, tables and figures; page and Markdown show the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asc_kit.metrics import confusion_matrix
from asc_kit.result import BenchmarkResult, Group, Summary

from . import figures
from .reading import NamedResult
from .words import bytes_text, count, duration, percent, timer_sentence, timer_words


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """A table whose first column names its rows."""

    caption: str
    """What it shows."""
    header: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Cells as text."""
    folded: bool = False
    """Whether the page shows it only on demand."""
    code: bool = False
    """Whether the cells are hashes or the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture."""

    title: str
    """Its caption."""
    alt: str
    """What it shows, in words."""
    svg: str
    """The picture, ready to stand in a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A chapter of the report."""

    anchor: str
    """Its name in links."""
    title: str
    """Its heading."""
    text: tuple[str, ...] = ()
    """Paragraphs before the rest."""
    figures: tuple[Figure, ...] = ()
    """Pictures."""
    tables: tuple[DataTable, ...] = ()
    """Tables."""


Results = Sequence[NamedResult]


def title_of(results: Results) -> str:
    """Return the report's heading."""
    models = sorted({item.result.name for item in results})
    boards = sorted({item.result.board for item in results})
    return f"{' and '.join(models)} on {' and '.join(boards)}"


def sections_of(results: Results) -> tuple[Section, ...]:
    """Return the chapters of a report on these results."""
    return (
        _summary(results),
        _scenes(results),
        _recording_devices(results),
        _confusions(results),
        _latency(results),
        _profile(results),
        _memory(results),
        _provenance(results),
    )


def _columns(results: Results) -> tuple[str, ...]:
    return tuple(item.name for item in results)


def _rows(results: Results, *lines: tuple[str, Callable[[BenchmarkResult], str | None]]) -> tuple[tuple[str, ...], ...]:
    """Build a row per line, a cell per result; a line that no result has something for is left out."""
    rows = []
    for title, cell in lines:
        cells = [cell(item.result) for item in results]
        if any(text is not None for text in cells):
            rows.append((title, *(text if text is not None else "–" for text in cells)))
    return tuple(rows)


def _summary(results: Results) -> Section:
    rows = _rows(
        results,
        ("Board", lambda r: r.board_title),
        ("Core", lambda r: r.core),
        ("Measured on", _measured_on),
        ("Engine", lambda r: r.engine),
        ("Sent to the board", lambda r: "audio" if r.mode == "audio" else "int8 features"),
        ("Clips", lambda r: count(r.clips) + (f" (split {r.split})" if r.split else "")),
        ("Accuracy", lambda r: f"{percent(r.accuracy)} ({count(r.correct)} of {count(r.clips)})"),
        ("Macro accuracy", lambda r: percent(r.macro_accuracy)),
        ("Accuracy, seen recording devices", lambda r: _accuracy(r.seen_devices)),
        ("Accuracy, unseen recording devices", lambda r: _accuracy(r.unseen_devices)),
        ("Outputs bit-identical to the reference", lambda r: f"{count(r.bit_identical)} of {count(r.clips)}"),
        ("Same scene as the host", lambda r: f"{count(r.host_agreement)} of {count(r.clips)}"),
        (
            "Features that differ from the reference",
            lambda r: (
                f"{percent(r.feature_mismatch_share, 3)}, by at most {r.feature_lsb_max} LSB"
                if r.mode == "audio"
                else None
            ),
        ),
        ("Network, median per clip", lambda r: duration(r.latency.median, r)),
        (
            "Front end, median per clip",
            lambda r: duration(r.latency.frontend.median, r) if r.latency.frontend is not None else None,
        ),
        ("RAM of the network (arena)", lambda r: bytes_text(r.memory.arena_bytes)),
        ("Deepest stack", lambda r: bytes_text(r.memory.stack_bytes)),
        ("Code of the engine", lambda r: bytes_text(r.memory.code_bytes)),
        ("Weights", lambda r: bytes_text(r.memory.weight_bytes)),
        ("Parameters", lambda r: count(r.parameters)),
        ("Multiply-accumulates per clip", lambda r: count(r.macs)),
    )
    notes = tuple(dict.fromkeys(timer_sentence(item.result) for item in results))
    if len({item.result.data_id for item in results}) > 1:
        notes += ("The results were measured on different clips: their accuracies do not compare one to one.",)
    table = DataTable(caption="Results at a glance", header=("", *_columns(results)), rows=rows)
    return Section(anchor="summary", title="Results", text=notes, tables=(table,))


def _measured_on(result: BenchmarkResult) -> str:
    if result.emulated:
        return "an emulator"
    return "a computer with an operating system" if result.latency.unit == "ns" else "the board itself"


def _accuracy(group: Group | None) -> str | None:
    return f"{percent(group.accuracy)} ({count(group.correct)} of {count(group.clips)})" if group is not None else None


def _groups_table(
    caption: str,
    first: tuple[str, ...],
    names: Sequence[tuple[str, ...]],
    results: Results,
    groups_of: Callable[[BenchmarkResult], tuple[Group, ...]],
) -> DataTable:
    by_name = [{group.name: group for group in groups_of(item.result)} for item in results]
    rows = tuple((*name, *(_accuracy(groups.get(name[0])) or "–" for groups in by_name)) for name in names)
    return DataTable(caption=caption, header=(*first, *_columns(results)), rows=rows)


def _scenes(results: Results) -> Section:
    names = list(dict.fromkeys(group.name for item in results for group in item.result.per_scene))
    bars = [
        (item.name, {group.name: group.accuracy for group in item.result.per_scene}, frozenset[str]())
        for item in results
    ]
    table = _groups_table("Accuracy by scene", ("Scene",), [(name,) for name in names], results, lambda r: r.per_scene)
    figure = Figure(
        title="Accuracy by scene",
        alt=_bars_alt("Accuracy by scene", bars),
        svg=figures.accuracy_bars(names, names, bars),
    )
    return Section(anchor="scenes", title="Accuracy by scene", figures=(figure,), tables=(table,))


def _recording_devices(results: Results) -> Section:
    names = list(dict.fromkeys(group.name for item in results for group in item.result.per_recording_device))
    heard = {name: [name in item.result.train_recording_devices for item in results] for name in names}
    words = {name: "yes" if all(h) else "no" if not any(h) else "in some" for name, h in heard.items()}
    bars = [
        (
            item.name,
            {group.name: group.accuracy for group in item.result.per_recording_device},
            frozenset(name for name in names if name not in item.result.train_recording_devices),
        )
        for item in results
    ]
    ticks = [name if words[name] == "yes" else f"{name} (unseen)" for name in names]
    table = _groups_table(
        "Accuracy by recording device",
        ("Recording device", "Heard in training"),
        [(name, words[name]) for name in names],
        results,
        lambda r: r.per_recording_device,
    )
    figure = Figure(
        title="Accuracy by recording device; hatched: not heard in training",
        alt=_bars_alt("Accuracy by recording device", bars),
        svg=figures.accuracy_bars(names, ticks, bars),
    )
    return Section(anchor="recording-devices", title="Accuracy by recording device", figures=(figure,), tables=(table,))


def _bars_alt(title: str, bars: Sequence[tuple[str, dict[str, float], frozenset[str]]]) -> str:
    parts = []
    for name, shares, unseen in bars:
        listed = ", ".join(f"{k}{' (unseen)' if k in unseen else ''} {percent(v)}" for k, v in shares.items())
        parts.append(f"{name}: {listed}" if len(bars) > 1 else listed)
    return f"{title}. {'; '.join(parts)}."


def _confusions(results: Results) -> Section:
    pictures, tables = [], []
    for item in results:
        result = item.result
        matrix = confusion_matrix(
            result.labels, [p.scene_label for p in result.predictions], [p.predicted for p in result.predictions]
        )
        worst = max(
            ((matrix[i][j], true, guess) for i, true in enumerate(result.labels)
             for j, guess in enumerate(result.labels) if i != j),
            default=(0, "", ""),
        )  # fmt: skip
        mistake = f"The commonest mistake: {worst[1]} taken for {worst[2]}, {worst[0]} clips." if worst[0] else ""
        pictures.append(
            Figure(
                title=_of("Confusion matrix", item, results)
                + "; rows: true scene, columns: predicted, shares of a row",
                alt=f"Confusion matrix. {mistake or 'No mistakes.'} All counts stand in the table below.",
                svg=figures.confusion(result.labels, matrix),
            )
        )
        rows = tuple((label, *map(str, counts)) for label, counts in zip(result.labels, matrix, strict=True))
        tables.append(
            DataTable(
                caption=_of("Clips by true scene (row) and predicted scene (column)", item, results),
                header=("", *result.labels),
                rows=rows,
                folded=True,
            )
        )
    return Section(anchor="confusions", title="Confusions", figures=tuple(pictures), tables=tuple(tables))


def _latency(results: Results) -> Section:
    pictures, tables, text = [], [], []
    for item in results:
        result = item.result
        stages: list[tuple[str, Summary, list[int]]] = [
            (
                "Network",
                Summary(**{name: getattr(result.latency, name) for name in ("min", "median", "p95", "max")}),
                [p.network_time for p in result.predictions],
            )
        ]
        if result.latency.frontend is not None:
            stages.append(("Front end", result.latency.frontend, [p.frontend_time for p in result.predictions]))
        rows = tuple(
            (stage, *(count(value) for value in (summary.min, summary.median, summary.p95, summary.max)))
            for stage, summary, _ in stages
        )
        tables.append(
            DataTable(
                caption=_of(f"Latency per clip, in {timer_words(result)}", item, results),
                header=("", "Minimum", "Median", "95th percentile", "Maximum"),
                rows=rows,
            )
        )
        for stage, summary, samples in stages:
            if summary.min == summary.max:
                text.append(
                    _of(f"{stage}: {count(summary.min)} {timer_words(result)}, the same for every clip", item, results)
                    + "."
                )
                continue
            pictures.append(
                Figure(
                    title=_of(f"{stage}: clips by {timer_words(result)}", item, results),
                    alt=f"Histogram of {len(samples)} clips from {count(summary.min)} to {count(summary.max)}, "
                    f"median {count(summary.median)} {timer_words(result)}.",
                    svg=figures.histogram(samples, summary.median, timer_words(result)),
                )
            )
    return Section(anchor="latency", title="Latency", text=tuple(text), figures=tuple(pictures), tables=tuple(tables))


def _profile(results: Results) -> Section:
    pictures, tables = [], []
    for item in results:
        profile, unit = item.result.profile, timer_words(item.result)
        total = sum(operator.time for operator in profile)
        if not total:
            continue
        bars = [(f"{o.index} {o.op}", o.time / total) for o in profile]
        longest = max(profile, key=lambda o: o.time)
        pictures.append(
            Figure(
                title=_of("Share of each operator", item, results),
                alt=f"Bars for {len(profile)} operators; the longest is {longest.index} {longest.op} "
                f"with {percent(longest.time / total)}. All values stand in the table below.",
                svg=figures.shares(bars),
            )
        )
        rows = tuple(
            (
                f"{o.index} {o.op}",
                count(o.macs),
                count(o.time),
                percent(o.time / total),
                f"{o.time / o.macs:.2f}" if o.macs else "–",
                # the converter joins the names of all that it fused
                o.output.partition(";")[0],
            )
            for o in profile
        )
        tables.append(
            DataTable(
                caption=_of(f"Operators, one clip; time in {unit}", item, results),
                header=("Operator", "MACs", "Time", "Share", "Time per MAC", "Output tensor"),
                rows=(*rows, ("Sum", count(sum(o.macs for o in profile)), count(total), percent(1), "", "")),
            )
        )
    text = () if tables else ("No profile: the firmware's manifest was not at hand when it was measured.",)
    return Section(
        anchor="profile", title="Operator by operator", text=text, figures=tuple(pictures), tables=tuple(tables)
    )


def _memory(results: Results) -> Section:
    lines: tuple[tuple[str, Callable[[BenchmarkResult], int | None]], ...] = (
        ("RAM: network (arena, input included)", lambda r: r.memory.arena_bytes),
        ("RAM: front end", lambda r: r.memory.frontend_bytes),
        ("RAM: stack, deepest seen", lambda r: r.memory.stack_bytes),
        ("Flash: code of the engine", lambda r: r.memory.code_bytes),
        ("Flash: weights", lambda r: r.memory.weight_bytes),
        ("Flash: code of the front end", lambda r: r.memory.frontend_code_bytes),
        ("Flash: tables of the front end", lambda r: r.memory.frontend_table_bytes),
        ("Whole image: flash", lambda r: r.memory.image_flash_bytes),
        ("Whole image: RAM without stack", lambda r: r.memory.image_ram_bytes),
    )
    rows = _rows(results, *((title, lambda r, of=of: bytes_text(of(r))) for title, of in lines))
    parts = {item.name: {title: size for title, of in lines[:7] if (size := of(item.result))} for item in results}
    listed = "; ".join(
        f"{name}: " + ", ".join(f"{title} {bytes_text(size)}" for title, size in sizes.items())
        for name, sizes in parts.items()
    )
    figure = Figure(title="Memory of network and front end", alt=f"Stacked bars. {listed}.", svg=figures.memory(parts))
    table = DataTable(caption="Memory", header=("", *_columns(results)), rows=rows)
    text = ("The whole image holds the benchmark's protocol server and the C library as well.",)
    return Section(anchor="memory", title="Memory", text=text, figures=(figure,), tables=(table,))


def _provenance(results: Results) -> Section:
    hashes = _rows(
        results,
        ("Model, SHA-256", lambda r: r.model_sha256),
        ("Front end", lambda r: r.spec_id),
        ("Firmware", lambda r: r.firmware_id),
        ("Clips", lambda r: r.data_id),
    )
    hashes = (("File", *(item.path.as_posix() for item in results)), *hashes)
    tools = list(dict.fromkeys(name for item in results for name in item.result.environment))
    environment = _rows(
        results,
        ("asc-kit", lambda r: r.asc_kit),
        *((name, lambda r, name=name: r.environment.get(name)) for name in tools),
        ("Requests sent again", lambda r: str(r.link_retries)),
        ("Timer, counts per second", lambda r: count(r.latency.timer_hz)),
    )
    columns = ("", *_columns(results))
    return Section(
        anchor="provenance",
        title="Where the figures come from",
        tables=(
            DataTable(caption="Fingerprints", header=columns, rows=hashes, code=True),
            DataTable(caption="Environment", header=columns, rows=environment),
        ),
    )


def _of(title: str, item: NamedResult, results: Results) -> str:
    return f"{title} ({item.name})" if len(results) > 1 else title
