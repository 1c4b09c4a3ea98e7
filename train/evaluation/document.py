"""An evaluation of one or more models: ``evaluation.json``, with means over runs that differ only in their seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field

from asc_kit.records.fields import (
    MAX_DEVICES,
    MAX_LABELS,
    AnyPath,
    Count,
    DeviceName,
    Label,
    Line,
    Name,
    NotNegative,
    Seed,
    ShortId,
)
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, canonical_json
from asc_kit.scores.evaluation import AnyEvaluation, Evaluation, TaggingEvaluation

from .assessment import Kind, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A model and its figures."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    path: AnyPath
    """Its folder, as it was given."""
    name: Name
    """Name of the recipe."""
    kind: Kind
    """Its arithmetic."""
    seed: Seed
    """Seed of the training."""
    train_split: Name | None
    """Split it was trained on, if known."""
    train_data_id: ShortId
    """Fingerprint of the training clips."""
    group: Line
    """Title of the group of runs it belongs to."""
    evaluation: AnyEvaluation
    """The figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSd:
    """A figure over runs."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    mean: NotNegative
    """Mean over the runs."""
    sd: NotNegative | None
    """Standard deviation (n - 1 in the denominator); None for a single run."""

    @classmethod
    def of(cls, values: Sequence[float]) -> MeanSd:
        """Summarize at least one value."""
        return cls(mean=float(np.mean(values)), sd=float(np.std(values, ddof=1)) if len(values) > 1 else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecord:
    """Runs of the same recipe with the same settings on the same training clips."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    title: Line
    """Common settings, and the settings that differ from other groups."""
    runs: Count
    """Number of runs."""
    figures: Annotated[dict[Name, MeanSd], Field(max_length=100)]
    """Overall figures by their name; shares from 0 to 1, losses in nats."""
    per_label: Annotated[dict[Label, MeanSd], Field(max_length=MAX_LABELS)]
    """Accuracy by class, or lwlrap by label."""
    per_recording_device: Annotated[dict[DeviceName, MeanSd], Field(max_length=MAX_DEVICES)]
    """Accuracy by recording device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationDocument:
    """The content of ``evaluation.json``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit evaluate RUN --data DIR --out DIR"

    schema_version: Literal[1]
    """Version of this record."""
    asc_kit: Name
    """Version of asc-kit that evaluated."""
    split: Name
    """Split of the data set."""
    data_id: ShortId
    """Fingerprint of the clips."""
    models: Annotated[tuple[ModelRecord, ...], Field(min_length=1, max_length=1000)]
    """The models, in the order of the command."""
    groups: Annotated[tuple[GroupRecord, ...], Field(min_length=1, max_length=1000)]
    """Means over runs."""


def build_document(
    results: Sequence[tuple[Subject, Evaluation | TaggingEvaluation]], version: str
) -> EvaluationDocument:
    """Combine the results of one or more models on the same clips."""
    keys = [_group_key(subject) for subject, _ in results]
    titles = _group_titles([subject for subject, _ in results], keys)
    models = tuple(
        ModelRecord(
            path=str(subject.path),
            name=subject.name,
            kind=subject.kind,
            seed=subject.seed,
            train_split=subject.train_split,
            train_data_id=subject.train_data_id,
            group=titles[key],
            evaluation=evaluation,
        )
        for (subject, evaluation), key in zip(results, keys, strict=True)
    )
    return EvaluationDocument(
        schema_version=1,
        asc_kit=version,
        split=results[0][1].split,
        data_id=results[0][1].data_id,
        models=models,
        groups=tuple(_group(title, [m.evaluation for m in models if m.group == title]) for title in titles.values()),
    )


def figures_of(evaluation: Evaluation | TaggingEvaluation) -> dict[str, float]:
    """Return the overall figures by name, the ranking figure first."""
    if isinstance(evaluation, TaggingEvaluation):
        return {
            "lwlrap": evaluation.lwlrap,
            "mean over labels": evaluation.macro_lwlrap,
            "log loss": evaluation.log_loss,
        }
    figures = {
        "macro accuracy": evaluation.macro_accuracy,
        "accuracy": evaluation.accuracy,
        "log loss": evaluation.log_loss,
        "ECE": evaluation.ece,
    }
    for name, group in (("seen devices", evaluation.seen_devices), ("unseen devices", evaluation.unseen_devices)):
        if group is not None:
            figures[name] = group.accuracy
    return figures


def _group_key(subject: Subject) -> bytes:
    return canonical_json([subject.kind, subject.name, subject.train_data_id, subject.settings])


def _group_titles(subjects: Sequence[Subject], keys: Sequence[bytes]) -> dict[bytes, str]:
    """Name each group: recipe, arithmetic, training split, and settings in which recipes of one name differ."""
    first = {key: subject for key, subject in reversed(list(zip(keys, subjects, strict=True)))}
    groups = {key: first[key] for key in dict.fromkeys(keys)}
    titles = {}
    for key, subject in groups.items():
        others = [other for other in groups.values() if (other.name, other.kind) == (subject.name, subject.kind)]
        parts = [subject.name, subject.kind]
        if subject.train_split is not None:
            parts.append(subject.train_split)
        settings = [_flat(other.settings or {}) for other in others]
        own = _flat(subject.settings or {})
        differing = [name for name in own if any(other.get(name) != own[name] for other in settings)]
        titles[key] = ", ".join([*parts, *(f"{name}={own[name]}" for name in differing)])
    # bundles do not carry their settings: then numbers distinguish the groups
    seen: dict[str, int] = {}
    for key, title in titles.items():
        seen[title] = seen.get(title, 0) + 1
        if seen[title] > 1:
            titles[key] = f"{title} ({seen[title]})"
    return titles


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _group(title: str, evaluations: Sequence[Evaluation | TaggingEvaluation]) -> GroupRecord:
    def summary(
        values_of: Callable[[Evaluation | TaggingEvaluation], dict[str, float]],
    ) -> dict[str, MeanSd]:
        values = [values_of(each) for each in evaluations]
        return {name: MeanSd.of([each[name] for each in values]) for name in values[0]}

    return GroupRecord(
        title=title,
        runs=len(evaluations),
        figures=summary(figures_of),
        per_label=summary(_by_label),
        per_recording_device=summary(_by_device),
    )


def _by_label(evaluation: Evaluation | TaggingEvaluation) -> dict[str, float]:
    if isinstance(evaluation, TaggingEvaluation):
        return {label.name: label.lwlrap for label in evaluation.per_label}
    return {group.name: group.accuracy for group in evaluation.per_scene}


def _by_device(evaluation: Evaluation | TaggingEvaluation) -> dict[str, float]:
    if isinstance(evaluation, TaggingEvaluation):
        return {group.name: group.lwlrap for group in evaluation.per_recording_device}
    return {group.name: group.accuracy for group in evaluation.per_recording_device}
