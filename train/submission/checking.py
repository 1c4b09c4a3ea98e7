"""Everything that is wrong with a package, by name, before the organizers find it."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from asc_kit.challenge_rules import MACS, PARAMETER_BYTES_2024, PARAMETERS_2022

from .rules import DEVICES, LABEL, LONGEST_ABBREVIATION, MOST_SYSTEMS, SCENES, SUM_TOLERANCE, SubmissionRules

_HEADER = ("filename", "scene_label", *SCENES)
_MOST_BYTES = 1 << 30
_SHOWN = 3
_DESCRIPTION = (
    "input_sampling_rate", "acoustic_features", "data_augmentation", "machine_learning_method", "external_data_usage",
    "complexity_management", "pipeline", "framework", "split_adaptations", "system_adaptations",
)  # fmt: skip


def check_package(package: bytes, rules: SubmissionRules, clips: int | None = None) -> tuple[str, ...]:
    """Return a sentence for each fault of a package; nothing if it is valid.

    Parameters
    ----------
    package
        The ZIP file.
    rules
        The year's.
    clips
        Number of recordings in the evaluation set; None for the official number.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if sum(member.file_size for member in members) > _MOST_BYTES:
                return (f"the package unpacks to more than {_MOST_BYTES >> 20} MiB",)
            repeated = [name for name, count in Counter(m.filename for m in members).items() if count > 1]
            if repeated:
                return (f"{repeated[0]} is in the package twice",)
            files = {member.filename: archive.read(member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as failure:
        return (f"the package is not a readable ZIP file: {failure}",)
    return tuple(_check_files(files, rules, rules.clips if clips is None else clips))


def _check_files(files: Mapping[str, bytes], rules: SubmissionRules, clips: int | None) -> Iterator[str]:
    systems: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        parts = path.split("/")
        if len(parts) != 3 or parts[0] != "task1":
            yield f"{path} is not in a folder task1/LABEL"
        elif not re.fullmatch(LABEL, parts[1]):
            yield f"{path}: the label {parts[1]} is not of the form Lastname_INST_task1_1, with a number from 1 to 4"
        else:
            systems.setdefault(parts[1], {})[parts[2]] = content
    if not systems:
        yield "the package holds no system"
    if len(systems) > MOST_SYSTEMS:
        yield f"the package holds {len(systems)} systems. Expected: at most {MOST_SYSTEMS}"
    teams = sorted({label.rpartition("_")[0] for label in systems})
    if len(teams) > 1:
        yield f"the package holds systems of several teams: {', '.join(teams)}"
    for label, members in systems.items():
        yield from _check_system(label, members, rules, clips)


def _check_system(label: str, files: dict[str, bytes], rules: SubmissionRules, clips: int | None) -> Iterator[str]:
    meta_name, outputs = f"{label}.meta.yaml", rules.output_names(label).values()
    for name in (*outputs, meta_name):
        if name not in files:
            yield f"task1/{label}/{name} is missing"
    for name in sorted(files.keys() - {*outputs, meta_name}):
        yield f"task1/{label}/{name} does not belong to a submission of {rules.year}"
    first: tuple[str, frozenset[str]] | None = None
    for name in outputs:
        if name not in files:
            continue
        problems, recordings = _check_predictions(files[name], rules, clips)
        yield from (f"{name}: {problem}" for problem in problems)
        if recordings is not None:
            first = first or (name, recordings)
            if recordings != first[1]:
                yield f"{name} has other recordings than {first[0]}"
    if meta_name in files:
        yield from (f"{meta_name}: {problem}" for problem in _check_meta(files[meta_name], label, rules))


def _check_predictions(
    content: bytes, rules: SubmissionRules, clips: int | None
) -> tuple[list[str], frozenset[str] | None]:
    """Return the faults of a table, and its recordings where it can be read."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return ["it is not UTF-8"], None
    if text.startswith("\ufeff"):
        return ["it begins with a byte order mark"], None
    rows = list(csv.reader(io.StringIO(text), delimiter="\t"))
    if not rows or tuple(rows[0]) != _HEADER:
        shown = "nothing" if not rows else " ".join(rows[0])[:120]
        return [f"its header is {shown}. Expected, separated by TAB: {' '.join(_HEADER)}"], None
    problems: dict[str, list[str]] = {}
    for number, row in enumerate(rows[1:], start=2):
        problem = _row_problem(row, rules)
        if problem is not None:
            problems.setdefault(problem, []).append(str(number))
    found = [f"{problem}: {_lines_text(lines)}" for problem, lines in problems.items()]
    names = [row[0] for row in rows[1:] if row]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        found.append(f"{repeated[0]} has several rows")
    if clips is not None and len(names) != clips:
        found.append(f"it has {len(names):,} recordings. Expected: {clips:,}")
    return found, frozenset(names)


def _lines_text(lines: Sequence[str]) -> str:
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return f"line {', '.join(lines[:_SHOWN])}{more}"


def _row_problem(row: Sequence[str], rules: SubmissionRules) -> str | None:
    if len(row) != len(_HEADER):
        return f"not {len(_HEADER)} columns"
    if rules.numbered and not re.fullmatch(r"(0|[1-9]\d*)\.wav", row[0]):
        return "the recording is not named by a number, as 17.wav"
    if row[1] not in SCENES:
        return "the scene is none of the ten"
    try:
        values = [float(cell) for cell in row[2:]]
    except ValueError:
        return "a probability is no number"
    if not all(math.isfinite(value) and 0 <= value <= 1 for value in values):
        return "a probability is not from 0 to 1"
    if abs(sum(values) - 1) > SUM_TOLERANCE:
        return "the probabilities do not sum to 1"
    if values[SCENES.index(row[1])] < max(values):
        return "the scene is not the likeliest"
    return None


def _check_meta(content: bytes, label: str, rules: SubmissionRules) -> Iterator[str]:
    try:
        document = yaml.safe_load(content.decode("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as failure:
        yield f"it is not YAML: {str(failure).splitlines()[0]}"
        return
    document = document if isinstance(document, dict) else {}
    submission, system = _table(document, "submission"), _table(document, "system")
    yield from _check_authors(submission, label)
    description = _table(system, "description")
    for name in _DESCRIPTION:
        if name not in description:
            yield f"system.description.{name} is missing"
    yield from _check_complexity(_table(system, "complexity"), rules)
    if not isinstance(system.get("external_datasets"), list):
        yield "system.external_datasets is not a list; without any it is []"
    development = _table(_table(document, "results"), "development_dataset")
    for split in [f"split_{split}" for split in rules.splits] or [""]:
        where = f"results.development_dataset{'.' + split if split else ''}"
        yield from _check_results(_table(development, split) if split else development, where)


def _check_authors(submission: dict[Any, Any], label: str) -> Iterator[str]:
    if submission.get("label") != label:
        yield f"submission.label is {submission.get('label')!r}. Expected: {label}, as its folder"
    if not _is_text(submission.get("name")):
        yield "submission.name is missing"
    abbreviation = submission.get("abbreviation")
    if not _is_text(abbreviation) or len(str(abbreviation)) > LONGEST_ABBREVIATION:
        yield f"submission.abbreviation is {abbreviation!r}. Expected: 1 to {LONGEST_ABBREVIATION} characters"
    authors = submission.get("authors")
    if not isinstance(authors, list) or not authors or not all(isinstance(author, dict) for author in authors):
        yield "submission.authors is no list of authors"
        return
    for number, author in enumerate(authors, start=1):
        for name in ("lastname", "firstname"):
            if not _is_text(author.get(name)):
                yield f"author {number} has no {name}"
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(author.get("email", ""))):
            yield f"author {number} has no e-mail address"
        if not isinstance(author.get("affiliation"), dict):
            yield f"author {number} has no affiliation"
    corresponding = sum(author.get("corresponding") is True for author in authors)
    if corresponding != 1:
        yield f"{corresponding} authors are corresponding. Expected: one"


def _check_complexity(complexity: dict[Any, Any], rules: SubmissionRules) -> Iterator[str]:
    limits: dict[str, int | None] = {"total_model_size": None, "total_parameters": None, "macs": MACS}
    if rules.year == "2022":
        limits["total_parameters"] = PARAMETERS_2022
    else:
        limits["total_model_size"] = PARAMETER_BYTES_2024
    for name, limit in limits.items():
        value = complexity.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            yield f"system.complexity.{name} is {value!r}. Expected: a whole number above 0"
        elif limit is not None and value > limit:
            yield f"system.complexity.{name} is {value:,}, above the limit of {limit:,}"


def _check_results(results: dict[Any, Any], where: str) -> Iterator[str]:
    wanted = {"overall": None, "class_wise": SCENES, "device_wise": DEVICES}
    for part, names in wanted.items():
        table = _table(results, part)
        for name in names or (None,):
            figures = table if name is None else _table(table, name)
            place = f"{where}.{part}{'.' + name if name else ''}"
            accuracy: Any = figures.get("accuracy")
            loss: Any = figures.get("logloss")
            if not _is_number(accuracy) or not 0 <= accuracy <= 100:
                yield f"{place}.accuracy is {accuracy!r}. Expected: percent, from 0 to 100"
            if not _is_number(loss) or loss < 0:
                yield f"{place}.logloss is {loss!r}. Expected: a number from 0 up"


def _table(document: Mapping[Any, Any], name: str) -> dict[Any, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
