"""An evaluation of several models as tables: for the terminal and for ``evaluation.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from asc_kit.scores.evaluation import Evaluation, TaggingEvaluation
from asc_kit.text import markdown

from .document import EvaluationDocument, GroupRecord, MeanSd, figures_of

# with more columns than this a table does not fit a page: then the labels are rows
_COLUMNS = 12
_IN_NATS = {"log loss"}
_UNITS = "shares in %, log loss in nats"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTable:
    """A table whose first column names its rows."""

    caption: str
    """Title."""
    header: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Cells as text."""

    def to_markdown(self) -> str:
        """Return the table in Markdown, the first column to the left, the rest to the right."""
        lines = [self.header, *self.rows]
        texts = ["| " + " | ".join(map(markdown, line)) + " |" for line in lines]
        return "\n".join(
            [f"**{markdown(self.caption)}**", "", texts[0], "|---|" + "---:|" * (len(self.header) - 1), *texts[1:]]
        )

    def to_rich(self, width: int) -> Table:
        """Return the table for a terminal so many characters wide."""
        columns = list(zip(self.header, *self.rows, strict=True))
        natural = [max(map(len, column)) for column in columns]
        # if that is too wide, columns are as narrow as their longest word, and the first column gets the rest
        words = [max(len(word) for cell in column for word in cell.split() or ("",)) for column in columns[1:]]
        left = width - 4 - sum(length + 3 for length in words)
        fits = sum(length + 3 for length in natural) + 1 <= width
        widths = natural if fits else [min(natural[0], max(10, left)), *words]
        table = Table(title=escape(self.caption), title_justify="left", title_style="bold")
        for number, (name, length) in enumerate(zip(self.header, widths, strict=True)):
            table.add_column(escape(name), justify="right" if number else "left", width=length, overflow="fold")
        for row in self.rows:
            table.add_row(*map(escape, row))
        return table


def comparison_tables(document: EvaluationDocument, columns: int = _COLUMNS) -> tuple[PlainTable, ...]:
    """Return the tables that compare models: each model, means over runs, by label, by recording device.

    Parameters
    ----------
    document
        The evaluation.
    columns
        A table with more labels or devices than this has them as rows.
    """
    tables = [_models(document)]
    if any(group.runs > 1 for group in document.groups):
        tables.append(_means(document.groups))
    headline = next(iter(document.groups[0].figures))
    is_tagging = headline == "lwlrap"
    parts = [
        (
            "lwlrap by label" if is_tagging else "Accuracy by class",
            [group.per_label for group in document.groups],
            "label" if is_tagging else "class",
        )
    ]
    if not is_tagging or any(len(group.per_recording_device) > 1 for group in document.groups):
        what = "lwlrap" if is_tagging else "Accuracy"
        devices = [group.per_recording_device for group in document.groups]
        parts.append((f"{what} by recording device", devices, "recording device"))
    for caption, figures, what in parts:
        table = _by(f"{caption}, %; means over runs", what, document.groups, figures, headline, columns)
        tables.append(table)
    return tuple(tables)


def model_tables(evaluation: Evaluation | TaggingEvaluation) -> tuple[PlainTable, ...]:
    """Return the tables of one model in full."""
    if isinstance(evaluation, TaggingEvaluation):
        overall = (
            ("lwlrap, %", _percent(evaluation.lwlrap), _ends(evaluation.lwlrap_interval)),
            ("mean over labels, %", _percent(evaluation.macro_lwlrap), ""),
            ("log loss, nats", f"{evaluation.log_loss:.3f}", ""),
        )
        labels = tuple((each.name, str(each.clips), _percent(each.lwlrap)) for each in evaluation.per_label)
        devices = tuple(
            (each.name, str(each.clips), _percent(each.lwlrap), f"{each.log_loss:.3f}")
            for each in (*evaluation.per_recording_device, evaluation.seen_devices, evaluation.unseen_devices)
            if each is not None
        )
        by_label = PlainTable(caption="By label", header=("label", "clips", "lwlrap, %"), rows=labels)
        by_device = PlainTable(
            caption="By recording device", header=("recording device", "clips", "lwlrap, %", "log loss"), rows=devices
        )
        several = len(evaluation.per_recording_device) > 1
        return (_overall(overall), by_label, *([by_device] if several else []))
    figures = (
        ("macro accuracy, %", _percent(evaluation.macro_accuracy), _ends(evaluation.macro_accuracy_interval)),
        ("accuracy, %", _percent(evaluation.accuracy), _ends(evaluation.accuracy_interval)),
        ("log loss, nats", f"{evaluation.log_loss:.3f}", ""),
        ("log loss, mean over classes", f"{evaluation.macro_log_loss:.3f}", ""),
        ("expected calibration error, %", _percent(evaluation.ece), ""),
    )
    devices_in_all = (*evaluation.per_recording_device, evaluation.seen_devices, evaluation.unseen_devices)
    groups = [
        PlainTable(
            caption=f"By {what}",
            header=(what, "clips", "accuracy, %", "95 % interval", "log loss"),
            rows=tuple(
                (each.name, str(each.clips), _percent(each.accuracy), _ends(each.interval), f"{each.log_loss:.3f}")
                for each in each_group
                if each is not None
            ),
        )
        for what, each_group in (("class", evaluation.per_scene), ("recording device", devices_in_all))
    ]
    confusion = PlainTable(
        caption="Clips by true class (row) and predicted class (column)",
        header=("", *evaluation.labels),
        rows=tuple((label, *map(str, row)) for label, row in zip(evaluation.labels, evaluation.confusion, strict=True)),
    )
    return (_overall(figures), *groups, confusion)


def to_markdown(document: EvaluationDocument) -> str:
    """Return the whole evaluation in Markdown."""
    parts = [f"# Evaluation on split {markdown(document.split)}"]
    parts.append(f"Clips: {document.models[0].evaluation.clips:,}, fingerprint `{document.data_id}`.")
    if len(document.models) > 1:
        parts += [table.to_markdown() for table in comparison_tables(document)]
    for number, model in enumerate(document.models, start=1):
        title = markdown(f"{model.name}, {model.kind}, seed {model.seed}")
        parts.append(f"## {number}. {title}" if len(document.models) > 1 else f"## {title}")
        parts += [table.to_markdown() for table in model_tables(model.evaluation)]
    parts.append(f"Made by asc-kit {document.asc_kit}. What the figures mean: docs/evaluation.md.")
    return "\n\n".join(parts) + "\n"


def _models(document: EvaluationDocument) -> PlainTable:
    figures = [figures_of(model.evaluation) for model in document.models]
    names = list(dict.fromkeys(name for of_model in figures for name in of_model))
    rows = tuple(
        (
            f"{number}. {model.group}, seed {model.seed}",
            *(_figure(name, of_model[name]) if name in of_model else "–" for name in names),
        )
        for number, (model, of_model) in enumerate(zip(document.models, figures, strict=True), start=1)
    )
    return PlainTable(caption=f"Models; {_UNITS}", header=("model", *names), rows=rows)


def _means(groups: Sequence[GroupRecord]) -> PlainTable:
    names = list(dict.fromkeys(name for group in groups for name in group.figures))
    rows = tuple(
        (
            group.title,
            str(group.runs),
            *(_mean_sd(name, group.figures[name]) if name in group.figures else "–" for name in names),
        )
        for group in groups
    )
    return PlainTable(
        caption=f"Mean ± standard deviation over runs; {_UNITS}",
        header=("runs of", "runs", *names),
        rows=rows,
    )


def _by(
    caption: str,
    what: str,
    groups: Sequence[GroupRecord],
    figures: Sequence[dict[str, MeanSd]],
    headline: str,
    columns: int,
) -> PlainTable:
    """Build a row per group and a column per label; with many labels, turned."""
    names = list(dict.fromkeys(name for of_group in figures for name in of_group))
    cells = [[_percent(of_group[name].mean) if name in of_group else "–" for name in names] for of_group in figures]
    totals = [_mean_sd(headline, group.figures[headline]) for group in groups]
    if len(names) <= columns:
        rows = tuple((group.title, *line, total) for group, line, total in zip(groups, cells, totals, strict=True))
        return PlainTable(caption=caption, header=("runs of", *names, headline), rows=rows)
    turned = tuple((name, *(line[number] for line in cells)) for number, name in enumerate(names))
    return PlainTable(
        caption=caption, header=(what, *(group.title for group in groups)), rows=(*turned, (headline, *totals))
    )


def _overall(rows: tuple[tuple[str, ...], ...]) -> PlainTable:
    return PlainTable(caption="Overall", header=("", "value", "95 % interval"), rows=rows)


def _figure(name: str, value: float) -> str:
    return f"{value:.3f}" if name in _IN_NATS else _percent(value)


def _mean_sd(name: str, value: MeanSd) -> str:
    if value.sd is None:
        return _figure(name, value.mean)
    return f"{_figure(name, value.mean)} ± {_figure(name, value.sd)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _ends(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}"
