"""A system's meta.yaml: the part that its authors write, as a TOML file, and the part that is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from asc_kit.records.fields import Count, Line, require
from asc_kit.records.record import STRICT, to_plain
from asc_kit.scores.evaluation import Evaluation, Group

from .rules import LABEL, LONGEST_ABBREVIATION, SubmissionRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Affiliation:
    """Where an author works."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    institute: Line
    abbreviation: Line | None = None
    department: Line | None = None
    location: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """An author of a system."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    lastname: Line
    firstname: Line
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    corresponding: bool = False
    affiliation: Affiliation


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalDataset:
    """Data from outside the challenge."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Line
    url: Line
    total_audio_length: Count
    """In minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A system in the challenge's words; None is written as ``null``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    machine_learning_method: Line
    data_augmentation: Line | None = None
    acoustic_features: Line = "log-mel energies"
    external_data_usage: Line | None = None
    pipeline: Line | None = None
    split_adaptations: Line | None = None
    system_adaptations: Line | None = None
    framework: Line = "keras/tensorflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMeta:
    """What the authors say of a system."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    label: Annotated[str, Field(pattern=f"^{LABEL}$")]
    """``Lastname_INST_task1_1``: last name, institute, task, number of the system."""
    name: Line
    abbreviation: Annotated[str, Field(min_length=1, max_length=LONGEST_ABBREVIATION)]
    authors: Annotated[tuple[Author, ...], Field(min_length=1, max_length=50)]
    description: Description
    external_datasets: Annotated[tuple[ExternalDataset, ...], Field(max_length=50)] = ()
    source_code: Line | None = None

    def __post_init__(self) -> None:
        corresponding = sum(author.corresponding for author in self.authors)
        require((corresponding == 1, f"{corresponding} authors are corresponding. Expected: one"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFigures:
    """What is measured of a system."""

    sample_rate_hz: int
    """Sampling rate that the network hears."""
    is_int8: bool
    """Whether its parameters are int8."""
    parameter_bytes: int
    """Bytes of the parameters, as the year counts them."""
    parameters: int
    """Number of parameters, zeros included."""
    macs: int
    """Multiply-accumulates per second of audio, as the year counts them."""
    evaluations: Mapping[str, Evaluation]
    """Split -> the evaluation on the development set's test split; ``""`` where there is one model alone."""


def meta_document(meta: SystemMeta, figures: SystemFigures, rules: SubmissionRules) -> dict[str, Any]:
    """Return the document of ``LABEL.meta.yaml``."""
    description, plain = meta.description, to_plain(meta)
    results: dict[str, Any] = {split: _results(found) for split, found in figures.evaluations.items()}
    return {
        "submission": {
            "label": meta.label,
            "name": meta.name,
            "abbreviation": meta.abbreviation,
            # what is not given is left out
            "authors": [
                {key: value for key, value in author.items() if value}
                | {"affiliation": {key: value for key, value in author["affiliation"].items() if value}}
                for author in plain["authors"]
            ],
        },
        "system": {
            "description": {
                "input_sampling_rate": f"{figures.sample_rate_hz / 1000:g}kHz",
                "acoustic_features": description.acoustic_features,
                "data_augmentation": description.data_augmentation,
                "machine_learning_method": description.machine_learning_method,
                "external_data_usage": description.external_data_usage,
                "complexity_management": "weight quantization" if figures.is_int8 else None,
                "pipeline": description.pipeline,
                "framework": description.framework,
                "split_adaptations": description.split_adaptations,
                "system_adaptations": description.system_adaptations,
            },
            "complexity": {
                "total_model_size": figures.parameter_bytes,
                "total_parameters": figures.parameters,
                "macs": figures.macs,
            },
            "external_datasets": plain["external_datasets"],
            "source_code": meta.source_code,
        },
        "results": {"development_dataset": results if rules.splits else results[""]},
    }


def _results(found: Evaluation) -> dict[str, Any]:
    return {
        "overall": {"accuracy": round(100 * found.macro_accuracy, 3), "logloss": round(found.macro_log_loss, 4)},
        "class_wise": {group.name: _group(group) for group in found.per_scene},
        "device_wise": {group.name: _group(group) for group in found.per_recording_device},
    }


def _group(group: Group) -> dict[str, float]:
    return {"accuracy": round(100 * group.accuracy, 3), "logloss": round(group.log_loss, 4)}
