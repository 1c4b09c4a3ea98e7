"""A run on tones and its bundle, for the tests of export."""

from __future__ import annotations

from pathlib import Path

from tone_data import write_recipe, write_tone_data

from asc_kit.quantization import QuantizationSettings

# a pattern, if it were read as one
RUN = "run [2] *"
SETTINGS = QuantizationSettings(representative_clips=30)


def write_export(base: Path) -> Path:
    """Write a data set, a run and a bundle; return their folder. Needs TensorFlow."""
    from asc_kit.export.bundling import export_run
    from asc_kit.run import Run
    from asc_kit.train.recipe import load_recipe
    from asc_kit.train.session import Session

    data = write_tone_data(base / "data")
    Session(recipe=load_recipe(write_recipe(base)), data=data, out=base / RUN).train()
    export_run(Run.open(base / RUN), base / "bundle", settings=SETTINGS)
    return base
