"""Training speed of a recipe beside a plain Keras loop on the same network, in the same process.

    python benchmarks/training_speed.py [RECIPE ...]

The Keras loop is `model.fit` on features computed beforehand, held in memory, with nothing varied: the least that
training can cost. Everything else is measured in the same minute, turn about, and printed as a ratio to it, so that
the figures do not depend on how busy or how fast the machine is.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from asc_kit.train.tensorflow_start import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from asc_kit.train.augmentation import Augmenter, synthetic_impulse_responses  # noqa: E402
from asc_kit.train.fitting.schedule import optimizer_of, schedule_of  # noqa: E402
from asc_kit.train.fitting.step import training_step  # noqa: E402
from asc_kit.train.frontend_graph import log_mel_graph, model_input_graph  # noqa: E402
from asc_kit.train.inputs.batches import Examples, epoch_batches  # noqa: E402
from asc_kit.train.models import build_model  # noqa: E402
from asc_kit.train.recipe import Augmentation, Recipe, load_recipe  # noqa: E402

RECIPES = ("dcase2024_baseline", "dcase2021_resnet11", "cp_mobile_micro")
LABELS = tuple(f"class{index}" for index in range(10))
STEPS = 6
ROUNDS = 5


def examples_of(recipe: Recipe, batch_size: int) -> tuple[Examples, Examples]:
    """Make noise, as audio and as log-mel values."""
    rng = np.random.default_rng(1)
    count, spec = STEPS * batch_size, recipe.frontend
    audio = rng.integers(-8000, 8000, (count, spec.clip_samples), np.int16)
    graph = tf.function(log_mel_graph(spec))
    parts = [graph(audio[i : i + 16].astype(np.float32) / 32768).numpy() for i in range(0, count, 16)]
    targets = np.eye(len(LABELS), dtype=np.float32)[rng.integers(0, len(LABELS), count)]
    device = np.zeros(count, np.int32)
    return (
        Examples(inputs=audio, targets=targets, recording_device=device),
        Examples(inputs=np.concatenate(parts), targets=targets, recording_device=device),
    )


def ours(recipe: Recipe, examples: Examples, batch_size: int, *, pipeline: bool = True) -> Callable[[], None]:
    """One epoch of this kit's training loop; without its pipeline, the same batch again and again."""
    model = network(recipe)
    optimizer = optimizer_of(recipe.training, schedule_of(recipe.training, STEPS))
    optimizer.build(model.trainable_variables)
    settings = recipe.augmentation
    responses = synthetic_impulse_responses(recipe.frontend.sample_rate_hz) if settings.device_ir_p else None
    augmenter = Augmenter(recipe.frontend, settings, impulse_responses=responses)
    step = tf.function(
        training_step(
            model, optimizer, recipe, augmenter, LABELS, is_audio=examples.is_audio, batch_size=batch_size, seed=1
        )
    )
    held = list(epoch_batches(examples, batch_size, 1, 1).take(1)) * STEPS
    epoch = 0

    def run() -> None:
        nonlocal epoch
        epoch += 1
        for batch in epoch_batches(examples, batch_size, 1, epoch) if pipeline else held:
            loss, hits = step(*batch)
            float(loss), float(hits)

    return run


def plain(recipe: Recipe, examples: Examples, batch_size: int) -> Callable[[], None]:
    """One epoch of `model.fit`, as a tutorial would write it."""
    model = network(recipe)
    features = model_input_graph(recipe.frontend)(examples.inputs).numpy()
    model.compile(
        keras.optimizers.AdamW(recipe.training.learning_rate),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )

    def run() -> None:
        model.fit(features, examples.targets, batch_size=batch_size, epochs=1, verbose=0)

    return run


def network(recipe: Recipe) -> Any:
    keras.utils.set_random_seed(1)
    return build_model(recipe.model, recipe.model_settings, recipe.frontend, len(LABELS))


def measure(name: str) -> list[tuple[str, float]]:
    """Seconds per epoch of each way to train, the least of several rounds."""
    recipe = load_recipe(name)
    recipe = replace(recipe, training=replace(recipe.training, coarse_classes={}))
    bare = replace(recipe, augmentation=Augmentation())
    batch_size = min(64, recipe.training.batch_size)
    audio, log_mel = examples_of(recipe, batch_size)
    ways = {
        "plain Keras, features beforehand": plain(recipe, log_mel, batch_size),
        "cached features": ours(bare, log_mel, batch_size),
        "cached features, one batch again and again": ours(bare, log_mel, batch_size, pipeline=False),
        "features on the fly": ours(bare, audio, batch_size),
        "features on the fly, one batch again and again": ours(bare, audio, batch_size, pipeline=False),
        "features on the fly, the recipe's augmentation": ours(recipe, audio, batch_size),
    }
    for run in ways.values():
        run()  # traces the graphs
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            seconds[way] = min(seconds[way], time.perf_counter() - start)
    return [(way, least / STEPS / batch_size) for way, least in seconds.items()]


def main() -> None:
    table = Table("recipe", "training", "ms per window", "windows/s", "ratio", title="Training speed")
    for column in table.columns[2:]:
        column.justify = "right"
    for name in sys.argv[1:] or RECIPES:
        measured = measure(name)
        for way, seconds in measured:
            ratio = measured[0][1] / seconds
            table.add_row(name, way, f"{1e3 * seconds:.2f}", f"{1 / seconds:,.0f}", f"{ratio:.2f}")
        table.add_section()
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
