"""A recipe: everything that defines a training except the data and the seed. A TOML file."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.dataset import Task
from asc_kit.errors import SpecError
from asc_kit.frontend import FrontEndSpec
from asc_kit.quantization import QuantizationSettings
from asc_kit.records.fields import (
    MAX_LABELS,
    AnyPath,
    Count,
    DeviceName,
    Epochs,
    Label,
    Labels,
    Name,
    NotNegative,
    Positive,
    Prose,
    Seconds,
    Share,
)
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, parse_record, read_record, to_plain, write_bytes

from .model_file import check_beside, is_own_model, read_model_file, source_of
from .models import model_file, model_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Random variation of every training batch, in the order of application; zero switches a part off."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    ON_AUDIO: ClassVar[tuple[str, ...]] = ("gain_db", "device_ir_p", "time_roll_s")
    """Parts that vary the audio itself: if any is on, features cannot be computed beforehand."""

    gain_db: Annotated[float, Field(ge=0, le=200)] = 0.0
    """Each clip is made louder or softer by up to this much, in decibels."""
    device_ir_p: Share = 0.0
    """Share of the clips that are filtered by the impulse response of another microphone."""
    device_ir_folder: AnyPath = ""
    """Folder of impulse responses, WAV or FLAC; empty for a family of synthetic ones."""
    time_roll_s: Seconds = 0.0
    """Each clip is rotated in time by up to this much in either direction, in seconds."""
    device_correction_p: Share = 0.0
    """Share of the reference device's clips that get the average spectrum of another device."""
    reference_device: DeviceName = "a"
    """Name of the reference device."""
    mixup_alpha: NotNegative = 0.0
    """Both parameters of the beta distribution from which mixup draws the weights of pairs of clips."""
    frequency_masks: Annotated[int, Field(ge=1, le=1000)] = 1
    """Number of runs of mel bands silenced in each clip."""
    frequency_mask_bands: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    """Each run is of fewer than this many mel bands."""
    time_masks: Annotated[int, Field(ge=1, le=1000)] = 1
    """Number of runs of frames silenced in each clip."""
    time_mask_frames: Annotated[int, Field(ge=0, le=1 << 26)] = 0
    """Each run is of fewer than this many frames."""
    mixstyle_p: Share = 0.0
    """Share of the batches in which clips exchange their mean and deviation per band (Freq-MixStyle)."""
    mixstyle_alpha: Positive = 0.3
    """Both parameters of the beta distribution from which Freq-MixStyle draws its weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Settings of the training."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    epochs: Annotated[Epochs, Field(gt=0)]
    """Passes over the training clips."""
    batch_size: Annotated[int, Field(gt=0, le=1 << 20)]
    """Windows per step; all windows if there are fewer."""
    learning_rate: Positive
    """Highest learning rate, reached at the end of the warm-up."""
    weight_decay: NotNegative
    """Decoupled weight decay per step, times the learning rate; only adamw has it."""
    warmup_steps: Count
    """Steps in which the learning rate rises; at most a quarter of all steps, so that short runs learn too."""
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    """Optimizer."""
    adam_epsilon: Positive = 1e-7
    """Constant added to the root of the second moment, in adam and adamw."""
    schedule: Literal["cosine", "exponential", "constant"] = "cosine"
    """Learning rate after the warm-up: along half a cosine to zero, times decay_rate every decay_epochs, or flat."""
    decay_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor of the exponential schedule."""
    decay_epochs: Positive = 2.5
    """Epochs in which the exponential schedule applies decay_rate."""
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    """Cross entropy (binary for each label when there are many), or focal loss."""
    focal_gamma: NotNegative = 2.0
    """Exponent of the focal loss; a larger exponent reduces the weight of clips that are already right."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the target that is spread: over all classes, or, with several labels, towards 1/2 for each."""
    coarse_classes: Annotated[dict[Label, Labels], Field(max_length=MAX_LABELS)] = field(default_factory=dict)
    """A second task, for networks with a head for it: coarse class -> its labels, all labels once."""
    gradients: Literal["sum", "pcgrad"] = "sum"
    """The gradients of two tasks are added as they are, or after each lost what conflicts with the other (PCGrad)."""
    teacher_weight: Share = 0.9
    """Share of the teacher's soft targets in the loss, when training has a teacher."""
    temperature: Positive = 2.0
    """Divisor of teacher's and student's logits, when training has a teacher."""
    checkpoint_epochs: Epochs = 0
    """Keep a checkpoint of the weights every so many epochs; 0 keeps none but the last."""

    def __post_init__(self) -> None:
        if self.weight_decay and self.optimizer != "adamw":
            raise SpecError(
                f"weight_decay is {self.weight_decay}, but optimizer {self.optimizer} has none",
                hint="--set optimizer=adamw, or --set weight_decay=0",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A model, its settings, its features and its training."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "a recipe is written by hand, docs/recipes.md says how"

    schema_version: Literal[1] = 1
    """Version of this record; may be left out of a file of version 1."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=100)]
    """Name, equal to the file's."""
    summary: Prose
    """One sentence."""
    task: Task = "single_label"
    """Whether each clip has exactly one class."""
    hop_s: Positive | None = None
    """Distance of the windows of a longer recording, in seconds; none for only its first window."""
    model: AnyPath
    """Which file of train/models builds the network, or ``FILE.py`` beside the recipe; in memory its whole path."""
    model_settings: Annotated[dict[Name, Any], Field(max_length=1000)]
    """Its settings, checked against the Settings record of that file."""
    frontend: FrontEndSpec
    """The features."""
    training: Training
    """Settings of the training."""
    augmentation: Augmentation
    """Random variation in training."""
    quantization: QuantizationSettings = field(default_factory=QuantizationSettings)
    """How ``asc-kit export`` makes it int8, unless told otherwise."""

    @property
    def hop_samples(self) -> int | None:
        """Distance of windows, in samples."""
        return None if self.hop_s is None else max(1, round(self.hop_s * self.frontend.sample_rate_hz))

    def __post_init__(self) -> None:
        # a mistake in a recipe must fail when the file is read, not when the network is built; but reading a record
        # must not run a file of the user's: `load_recipe` does
        if not is_own_model(self.model):
            _check_settings(self)


def _check_settings(recipe: Recipe) -> None:
    parse_record(model_file(recipe.model).Settings, recipe.model_settings, where=f"model_settings of {recipe.name}")


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that come with asc-kit."""
    folder = resources.files(__package__) / "recipes"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe by its name, or from a TOML file of the user's, and apply ``name=value`` overrides.

    A model's file beside the TOML file is run.

    Raises
    ------
    SpecError
        If there is no such recipe, if it or its model's file is invalid, or if an override names no setting.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise SpecError(f"recipe {path} does not exist", hint=f"recipes here: {', '.join(recipe_names())}")
    elif name in recipe_names():
        path = Path(str(resources.files(__package__))) / "recipes" / f"{name}.toml"
    else:
        raise SpecError(
            f"there is no recipe named {name!r}",
            hint=f"{_did_you_mean(name, recipe_names())}or give the path of a .toml file",
        )
    recipe = read_record(Recipe, path)
    if is_own_model(recipe.model):
        check_beside(recipe.model)
    recipe = _with_model_file(recipe, path.parent)
    return _with_model_file(override(recipe, overrides), path.parent) if overrides else recipe


def _with_model_file(recipe: Recipe, folder: Path) -> Recipe:
    """Return a recipe that knows where its model's file is, and whose settings are checked."""
    if not is_own_model(recipe.model):
        return recipe
    path = folder.resolve() / recipe.model
    if not path.is_file():
        fault = "is no file" if path.exists() else "does not exist"
        raise SpecError(
            f"recipe {recipe.name} names the model file {path}, which {fault}",
            hint=f"a model's file lies beside its recipe. Networks of the kit: {', '.join(model_names())}",
        )
    if not Path(recipe.model).is_absolute():
        read_model_file(path)
    located = replace(recipe, model=str(path))
    _check_settings(located)
    return located


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe, all values resolved, as a TOML file that `load_recipe` reads; its model's file goes beside it."""
    import tomli_w

    # TOML has no word for None; a value left out is its default, which None always is here
    write_bytes(path, tomli_w.dumps(_without_none(resolved(recipe))).encode())
    if is_own_model(recipe.model):
        write_bytes(path.parent / Path(recipe.model).name, source_of(Path(recipe.model)))


def resolved(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as plain data with all values written out, the model's settings included.

    A model's file is there by its name.
    """
    document = _written_out(recipe)
    return document | {"model": Path(recipe.model).name} if is_own_model(recipe.model) else document


def _written_out(recipe: Recipe) -> dict[str, Any]:
    settings = parse_record(model_file(recipe.model).Settings, recipe.model_settings, where="model_settings")
    return {**to_plain(recipe), "model_settings": to_plain(settings)}


def model_code(recipe: Recipe) -> str | None:
    """Return the hash of the model's own file; None for a network of the kit."""
    return hashlib.sha256(source_of(Path(recipe.model))).hexdigest() if is_own_model(recipe.model) else None


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }


def override(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """Return the recipe with some values replaced.

    Each override reads ``name=value`` with the value in TOML; the name is a path such as
    ``training.batch_size``, or its last part if that is unique.

    Raises
    ------
    SpecError
        If an override is malformed, names no setting, is ambiguous, or has an unfit value.
    """
    document = _written_out(recipe)  # settings left to their defaults can be overridden as well
    paths = _leaves(document)
    for item in overrides:
        name, equals, text = item.partition("=")
        name = name.strip()
        if not equals:
            raise SpecError(
                f"an override has the form name=value. Received: {item!r}", hint="for example training.batch_size=64"
            )
        matches = [path for path in paths if ".".join(path) == name or path[-1] == name]
        if not matches:
            known = tuple(".".join(path) for path in paths)
            short = tuple(path[-1] for path in paths if len(path) > 1)
            raise SpecError(
                f"recipe {recipe.name} has no setting {name!r}", hint=_did_you_mean(name, known, short).rstrip("; ")
            )
        if len(matches) > 1:
            choices = ", ".join(".".join(path) for path in matches)
            raise SpecError(f"setting {name!r} is ambiguous", hint=f"choose one of: {choices}")
        *parents, last = matches[0]
        table = document
        for key in parents:
            table = table[key]
        table[last] = _toml_value(text.strip())
    return parse_record(Recipe, document, where=f"recipe {recipe.name} with {' '.join(overrides)}")


def _leaves(table: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    paths: list[tuple[str, ...]] = []
    for key, value in table.items():
        branches = isinstance(value, dict) and value
        paths.extend(_leaves(value, (*prefix, key)) if branches else [(*prefix, key)])
    return paths


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # a bare word: --set window=hamming


def _did_you_mean(name: str, known: Sequence[str], also: Sequence[str] = ()) -> str:
    near = difflib.get_close_matches(name, [*known, *also], n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}; " if near else f"known: {', '.join(known)}; "
