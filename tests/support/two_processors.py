"""Train a recipe (a TOML file, with overrides) for four steps on one processor and on two: the same must come out.

Each step begins with the same weights on both, for a training is not a continuous function of its weights. One that
begins a last bit (6e-8) away is 1e-6 away after a step, with either gradient, sum or PCGrad; until an activation
crosses the corner of a RELU, which half of the trainings do within four steps: then a weight is 1e-4 to 2e-3 away.
Two processors add up halves of the batch, and so are some last bits away. On other processors, and without oneDNN,
other activations cross. What a step must do is measured where no distance has grown: 5e-6 of the weights at most.

A script, because TensorFlow's processor can be cut in two only before TensorFlow starts.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from asc_kit.train.augmentation import Augmenter
from asc_kit.train.fitting.distribution import Distribution
from asc_kit.train.fitting.schedule import optimizer_of, schedule_of
from asc_kit.train.fitting.step import training_step
from asc_kit.train.models import build_model
from asc_kit.train.recipe import load_recipe

devices = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(devices[0], [tf.config.LogicalDeviceConfiguration()] * 2)
labels = ("high", "low", "mid")
recipe = load_recipe(sys.argv[1], sys.argv[2:])
rng = np.random.default_rng(4)
audio = rng.integers(-9000, 9000, (12, recipe.frontend.clip_samples)).astype(np.int16)
targets = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
trainings = []
for strategy in (None, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    distribution = Distribution(strategy=strategy)
    keras.utils.set_random_seed(2)
    with distribution.scope():
        model = build_model(recipe.model, recipe.model_settings, recipe.frontend, 3)
        optimizer = optimizer_of(recipe.training, schedule_of(recipe.training, 1))
        optimizer.build(model.trainable_variables)
    distribution.synchronize(model)
    augmenter = Augmenter(recipe.frontend, recipe.augmentation)
    step = distribution.run(
        training_step(model, optimizer, recipe, augmenter, labels, is_audio=True, batch_size=12, seed=1)
    )
    trainings.append((model, step))
(one, alone), (two, spread) = trainings
before = [np.asarray(weight) for weight in one.weights]
for _ in range(4):
    found = [[float(value) for value in step(audio, targets, np.zeros(12, np.int32))] for step in (alone, spread)]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    for ours, other in zip(two.weights, one.weights, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(other), rtol=1e-4, atol=2e-5)
        ours.assign(np.asarray(other))
assert any(not np.array_equal(start, end) for start, end in zip(before, one.weights, strict=True)), "nothing learned"
