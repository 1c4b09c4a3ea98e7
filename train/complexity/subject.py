"""The subject of a count: a recipe, a run, a bundle or a .tflite file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asc_kit.bundle import MANIFEST as BUNDLE_MANIFEST
from asc_kit.bundle import Bundle
from asc_kit.challenge_rules import NetworkCounts, macs_per_second
from asc_kit.errors import ModelError, SpecError
from asc_kit.run import MANIFEST as RUN_MANIFEST
from asc_kit.run import Run
from asc_kit.tflite.inputs import InputShape

from ..recipe import recipe_names
from .counting import LayerComplexity, complexity_of
from .flatbuffer import flatbuffer_complexity
from .report import FloatNetwork, Kind

if TYPE_CHECKING:
    from ..recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network, counted."""

    kind: Kind
    """Where it comes from."""
    name: str
    """Title."""
    counts: NetworkCounts
    """Sums over its layers."""
    layers: tuple[LayerComplexity, ...]
    """Its layers or operators."""
    float_network: FloatNetwork | None = None
    """The float network that a bundle was made from; None for other subjects."""
    flatbuffer: Path | None = None
    """The .tflite file; None if there is none yet."""


def kind_of(name: str) -> Kind:
    """Find out what the argument of a command names.

    Raises
    ------
    SpecError
        If it is a folder without run or bundle, or looks like a path and does not exist.
    """
    path = Path(name)
    if (path / RUN_MANIFEST).is_file():
        return "run"
    if (path / BUNDLE_MANIFEST).is_file():
        return "bundle"
    if name in recipe_names() or path.suffix == ".toml":
        return "recipe"
    if path.is_dir():
        raise SpecError(
            f"{path} is neither a run nor a bundle: it has no {RUN_MANIFEST} and no {BUNDLE_MANIFEST}",
            hint="give a recipe, a run, a bundle or a .tflite file",
        )
    if path.is_file() or path.suffix == ".tflite":
        return "model"
    if len(path.parts) > 1:
        raise SpecError(f"{path} does not exist", hint="give a recipe, a run, a bundle or a .tflite file")
    return "recipe"  # whose reader knows what to suggest


def count_recipe(recipe: Recipe, n_labels: int | None) -> Subject:
    """Count the network as it would be built."""
    from ..models import build_model, usual_labels

    spec = recipe.frontend
    network = build_model(recipe.model, recipe.model_settings, spec, n_labels or usual_labels(recipe.model))
    return _of_keras("recipe", recipe.name, network, spec.clip_seconds)


def count_run(path: Path, *, trust_code: bool = False) -> Subject:
    """Count the trained network of a run; `trust_code` as of `load_run_network`."""
    from ..network import load_run_network

    run = Run.open(path)
    network = load_run_network(run, trust_code=trust_code)
    return _of_keras("run", run.manifest.name, network, run.manifest.frontend.clip_seconds)


def _of_keras(kind: Kind, name: str, network: Any, seconds: float) -> Subject:
    complexity = complexity_of(network, seconds)
    return Subject(kind=kind, name=name, counts=complexity.counts(trained=kind == "run"), layers=complexity.layers)


def count_bundle(path: Path) -> Subject:
    """Count the int8 network of a bundle; the manifest has the figures of the float network."""
    bundle = Bundle.open(path)
    manifest = bundle.manifest
    seconds = manifest.frontend.clip_seconds
    counted = flatbuffer_complexity(bundle.model_path.read_bytes(), seconds)
    return Subject(
        kind="bundle",
        name=manifest.name,
        counts=replace(counted.counts, float_macs=manifest.macs),
        layers=counted.layers,
        float_network=FloatNetwork(
            parameters=manifest.parameters,
            macs=manifest.macs,
            macs_per_second=macs_per_second(manifest.macs, seconds),
        ),
        flatbuffer=bundle.model_path,
    )


def count_model(path: Path, seconds: float | None, input_shapes: Sequence[InputShape] = ()) -> Subject:
    """Count any .tflite file.

    Raises
    ------
    ModelError
        If it is missing or damaged, has an operator that no rule names, or leaves sizes free that are not given.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"model {path} does not exist", hint="give a .tflite file") from None
    try:
        counted = flatbuffer_complexity(content, seconds, input_shapes)
    except ModelError as failure:
        raise failure.in_file(path) from None
    return Subject(kind="model", name=path.name, counts=counted.counts, layers=counted.layers, flatbuffer=path)
