"""The content of a report, as plain sections of text, tables and figures; page and Markdown show the same."""

from __future__ import annotations

from collections.abc import Callable

from asc_kit.result import BenchmarkResult, Summary

from ..bench.verdict import LINK_LINES, SIDES, difference_text
from . import figures
from .parts import DataTable, Figure, Results, Section, columns, of, rows_of
from .quality import DEVICES, quality_of, quality_rows, quality_sections
from .words import bytes_text, count, duration, percent, timer_words

_SHOWN_DIFFERENCES = 10


def title_of(results: Results) -> str:
    """Return the report's heading."""
    models = sorted({item.result.name for item in results})
    boards = sorted({item.result.board for item in results})
    return f"{' and '.join(models)} on {' and '.join(boards)}"


def sections_of(results: Results) -> tuple[Section, ...]:
    """Return the chapters of a report on these results."""
    first, *more = quality_sections(results)
    devices = [section for section in more if section.anchor == DEVICES]
    return (
        *_differences(results),
        first,
        *devices,
        _summary(results),
        *(section for section in more if section.anchor != DEVICES),
        _latency(results),
        _profile(results),
        _memory(results),
        _line(results),
        _provenance(results),
    )


def _summary(results: Results) -> Section:
    rows = rows_of(
        results,
        ("Board", lambda r: r.board_title),
        ("Core", lambda r: r.core),
        ("Measured on", _measured_on),
        ("Engine", lambda r: r.engine),
        ("Sent to the board", lambda r: "audio" if r.mode == "audio" else "int8 features"),
        ("Clips", _clips),
        ("Windows", lambda r: count(r.windows) if r.windows > r.clips else None),
        *quality_rows(results),
        ("Outputs bit-identical to the reference", lambda r: f"{count(r.bit_identical)} of {count(r.clips)}"),
        ("Same likeliest label as the host", lambda r: f"{count(r.host_agreement)} of {count(r.clips)}"),
        (
            "Features that differ from the reference",
            lambda r: (
                f"{percent(r.feature_mismatch_share, 3)}, by at most {r.feature_lsb_max} LSB"
                if r.mode == "audio"
                else None
            ),
        ),
        ("Front end within tolerance", lambda r: _within(r) if r.mode == "audio" else None),
        ("Network, median per inference", lambda r: duration(r.latency.median, r)),
        (
            "Front end, median per inference",
            lambda r: duration(r.latency.frontend.median, r) if r.latency.frontend is not None else None,
        ),
        ("RAM of the network (arena)", lambda r: bytes_text(r.memory.arena_bytes)),
        ("Deepest stack", lambda r: bytes_text(r.memory.stack_bytes)),
        ("Code of the engine", lambda r: bytes_text(r.memory.code_bytes)),
        ("Weights", lambda r: bytes_text(r.memory.weight_bytes)),
        ("Parameters", lambda r: count(r.parameters)),
        ("Multiply-accumulates per inference", lambda r: count(r.macs)),
    )
    table = DataTable(caption="Results at a glance", header=("", *columns(results)), rows=rows)
    fronts = tuple(_front(unit, results) for unit in dict.fromkeys(item.result.latency.unit for item in results))
    return Section(
        anchor="summary",
        title="Side by side" if len(results) > 1 else "All figures",
        figures=tuple(f for f in fronts if f is not None),
        tables=(table,),
    )


def _front(unit: str, results: Results) -> Figure | None:
    """Draw quality against latency for the results of one unit of time; None for fewer than two."""
    points = [
        (
            item.name,
            item.result.latency.median if unit == "instructions" else _milliseconds(item.result),
            quality_of(item.result),
            item.result.memory.arena_bytes,
        )
        for item in results
        if item.result.latency.unit == unit
    ]
    if len(points) < 2:
        return None
    axis = "instructions per inference" if unit == "instructions" else "latency, ms"
    what = "Accuracy" if results[0].result.task == "single_label" else "lwlrap"
    listed = "; ".join(f"{name}: {percent(quality)}, {cost:,.4g}" for name, cost, quality, _ in points)
    return Figure(
        title=f"{what} against {axis}; the line joins those that no other beats in both, the area of a dot grows with "
        "the network's RAM",
        alt=f"{what} against {axis}. {listed}.",
        svg=figures.pareto(points, axis, f"{what.lower() if what == 'Accuracy' else what}, %"),
    )


def _milliseconds(result: BenchmarkResult) -> float:
    return 1000 * result.latency.median / result.latency.timer_hz


def _clips(result: BenchmarkResult) -> str:
    of_split = f" of {count(result.split_clips)}: partial" if result.partial and result.split_clips else ""
    return f"{count(result.clips)}{of_split} (split {result.evaluation.split})"


def _within(result: BenchmarkResult) -> str:
    limits = f"at most {percent(result.feature_tolerance_share, 0)}, by {result.feature_tolerance_lsb} LSB"
    return f"{'yes' if result.is_front_end_within else 'NO'} ({limits})"


def _measured_on(result: BenchmarkResult) -> str:
    if result.emulated:
        return "an emulator"
    return "a computer with an operating system" if result.latency.unit == "ns" else "the board itself"


def _latency(results: Results) -> Section:
    pictures, tables, text = [], [], []
    for item in results:
        result = item.result
        stages: list[tuple[str, Summary, list[int]]] = [
            (
                "Network",
                Summary(**{name: getattr(result.latency, name) for name in ("min", "median", "p95", "max")}),
                [time for p in result.predictions for time in p.network_times],
            )
        ]
        if result.latency.frontend is not None:
            stages.append(
                ("Front end", result.latency.frontend, [time for p in result.predictions for time in p.frontend_times])
            )
        rows = tuple(
            (stage, *(count(value) for value in (summary.min, summary.median, summary.p95, summary.max)))
            for stage, summary, _ in stages
        )
        tables.append(
            DataTable(
                caption=of(f"Latency per inference, in {timer_words(result)}", item, results),
                header=("", "Minimum", "Median", "95th percentile", "Maximum"),
                rows=rows,
            )
        )
        for stage, summary, samples in stages:
            if summary.min == summary.max:
                text.append(
                    of(
                        f"{stage}: {count(summary.min)} {timer_words(result)}, the same for every inference",
                        item,
                        results,
                    )
                    + "."
                )
                continue
            pictures.append(
                Figure(
                    title=of(f"{stage}: inferences by {timer_words(result)}", item, results),
                    alt=f"Histogram of {len(samples)} inferences from {count(summary.min)} to {count(summary.max)}, "
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
                title=of("Share of each operator", item, results),
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
                # the converter joins the names of all fused layers
                o.output.partition(";")[0],
            )
            for o in profile
        )
        tables.append(
            DataTable(
                caption=of(f"Operators, one inference; time in {unit}", item, results),
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
    rows = rows_of(results, *((title, lambda r, of=of: bytes_text(of(r))) for title, of in lines))
    parts = {item.name: {title: size for title, of in lines[:7] if (size := of(item.result))} for item in results}
    listed = "; ".join(
        f"{name}: " + ", ".join(f"{title} {bytes_text(size)}" for title, size in sizes.items())
        for name, sizes in parts.items()
    )
    figure = Figure(title="Memory of network and front end", alt=f"Stacked bars. {listed}.", svg=figures.memory(parts))
    table = DataTable(caption="Memory", header=("", *columns(results)), rows=rows)
    text = ("The whole image holds the benchmark's protocol server and the C library as well.",)
    return Section(anchor="memory", title="Memory", text=text, figures=(figure,), tables=(table,))


def _differences(results: Results) -> tuple[Section, ...]:
    """Describe the clips that differ; return nothing if there are none."""
    tables = []
    for item in results:
        rows = tuple(
            (prediction.filename, str(difference.window), SIDES[difference.side], difference_text(difference))
            for prediction in item.result.predictions
            for difference in prediction.differences
        )
        if rows:
            tables.append(
                DataTable(
                    caption=of("Clips that were sent again, and who is to blame", item, results),
                    header=("Clip", "Window", "To blame", "What was seen"),
                    rows=rows,
                    folded=len(rows) > _SHOWN_DIFFERENCES,
                )
            )
    if not tables:
        return ()
    return (Section(anchor="differences", title="Clips that differ", tables=tuple(tables)),)


def _line(results: Results) -> Section:
    text = (
        "What was lost or damaged on the way was noticed, by checksums and digests, and sent again: none of it is in "
        "the figures."
    )
    table = DataTable(
        caption="Put right on the line", header=("", *columns(results)), rows=rows_of(results, *LINK_LINES)
    )
    return Section(anchor="line", title="The line", text=(text,), tables=(table,))


def _provenance(results: Results) -> Section:
    hashes = rows_of(
        results,
        ("Model, SHA-256", lambda r: r.model_sha256),
        ("Front end", lambda r: r.spec_id),
        ("Firmware", lambda r: r.firmware_id),
        ("Clips", lambda r: r.evaluation.data_id),
        ("Samples sent", lambda r: r.samples_id),
        ("Measurement", lambda r: r.run_id),
    )
    hashes = (("File", *(item.path.as_posix() for item in results)), *hashes)
    tools = list(dict.fromkeys(name for item in results for name in item.result.environment))
    environment = rows_of(
        results,
        ("asc-kit", lambda r: r.asc_kit),
        *((name, lambda r, name=name: r.environment.get(name)) for name in tools),
        ("Begun", lambda r: r.started),
        ("Finished", lambda r: r.finished),
        ("Timer, counts per second", lambda r: count(r.latency.timer_hz)),
    )
    header = ("", *columns(results))
    return Section(
        anchor="provenance",
        title="Where the figures come from",
        tables=(
            DataTable(caption="Fingerprints", header=header, rows=hashes, code=True),
            DataTable(caption="Environment", header=header, rows=environment),
        ),
    )
