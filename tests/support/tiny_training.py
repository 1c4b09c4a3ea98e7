"""Train the tiny recipe, and look at what came out."""

from pathlib import Path
from typing import Any

import keras

import asc_kit.train.layers  # noqa: F401  a saved network needs its layers known
from asc_kit.run import RunManifest
from asc_kit.train.recipe import load_recipe
from asc_kit.train.session import Session

PLAIN = ("time_roll_s=0", "frequency_mask_bands=0", "mixstyle_p=0")  # nothing drawn at random


def train(data: Path, recipe_path: str, out: Path, *overrides: str, **options: Any) -> RunManifest:
    manifest = Session(recipe=load_recipe(recipe_path, overrides), data=data, out=out, **options).train()
    assert manifest is not None
    return manifest


def network(run: Path) -> Any:
    return keras.models.load_model(run / "model.keras")


def losses(run: Path) -> list[float]:
    return [float(line.split(",")[2]) for line in (run / "history.csv").read_text().splitlines()[1:]]
