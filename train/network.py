"""A trained network: write it, load it, run it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.frontend import FrontEndSpec
from asc_kit.process.console import progress_bar
from asc_kit.run import Run, without_wildcards

from .frontend_graph import front_end_graph
from .layers import conversion_form
from .model_file import load_model_file, own_model_of

_BATCH = 64


def load_keras_model(path: Path) -> Any:
    """Return the network of a run as Keras saved it, all of its heads included.

    Raises
    ------
    ModelError
        When it cannot be loaded.
    """
    import keras

    from . import layers  # noqa: F401  a saved network needs its layers known

    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as failure:
        raise ModelError(f"network {path} cannot be loaded: {failure}", hint="train again") from failure


def load_run_network(run: Run, *, trust_code: bool = False) -> Any:
    """Return the network of a run, all of its heads included.

    Parameters
    ----------
    run
        The run.
    trust_code
        Whether to run the model's own file in the run, if it has one: only such code knows layers of its own.

    Raises
    ------
    ModelError
        When it cannot be loaded, or has layers that are defined in a file that is not trusted.
    SpecError
        When that file is not valid.
    """
    name = own_model_of(run.manifest.recipe)
    if name is not None and trust_code:
        load_model_file(run.path / name)
    try:
        return load_keras_model(run.keras_model_path)
    except ModelError as failure:
        if name is None or trust_code:
            raise
        raise ModelError(
            failure.message,
            hint=f"its layers may be defined in {run.path / name}, which is not run unasked: read it, and if you trust "
            "it, add --trust-code",
        ) from failure


def inference_model(model: Any) -> Any:
    """Return the part of a network that is deployed: without heads that only training has.

    Its outputs are logits, of labels too: in int8, probabilities have steps of 1/256, and labels that are not likely
    could no longer be told apart.

    Parameters
    ----------
    model
        Keras model whose first output is the logits, [batch, n_labels].
    """
    import keras

    if len(model.outputs) == 1:
        return model
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def write_saved_model(model: Any, spec: FrontEndSpec, path: Path) -> None:
    """Write the network in inference form, in TensorFlow's SavedModel format.

    Endpoint ``serve`` is for the converter: one clip's features, a static batch of 1, in `conversion_form`.
    Endpoint ``batch`` is for TensorFlow itself: any number of clips.
    """
    import keras

    def serve(features: Any) -> Any:
        with conversion_form():
            return model(features, training=False)

    def batch(features: Any) -> Any:
        return model(features, training=False)

    archive = keras.export.ExportArchive()
    archive.track(model)
    for function, size in ((serve, 1), (batch, None)):
        shape = (size, *spec.input_shape[1:])
        signature = [tf.TensorSpec(shape, tf.float32, name="features")]
        archive.add_endpoint(name=function.__name__, fn=function, input_signature=signature)
    archive.write_out(os.fspath(path), verbose=False)


def load_saved_model(path: Path) -> Callable[[Any], Any]:
    """Return the network of a run: float32 features [batch, ...] in, outputs [batch, n_labels] out."""
    try:
        with without_wildcards(path) as plain:
            loaded = tf.saved_model.load(os.fspath(plain))
    except (OSError, ValueError, tf.errors.OpError) as failure:
        raise ModelError(f"{path} cannot be loaded as a SavedModel: {failure}", hint="train again") from failure
    return lambda features: loaded.batch(features)


def with_front_end(network: Callable[[Any], Any], spec: FrontEndSpec) -> Callable[[Any], Any]:
    """Return the graph from audio, int16 [batch, clip_samples], to a network's outputs, [batch, n_labels]."""
    front_end = front_end_graph(spec)
    graph: Callable[[Any], Any] = tf.function(
        lambda audio: network(front_end(tf.cast(audio, tf.float32) / 32768.0)), reduce_retracing=True
    )
    return graph


def predict(
    network: Callable[[Any], Any], spec: FrontEndSpec, samples: NDArray[np.int16], title: str
) -> NDArray[np.float32]:
    """Return the network's outputs, shape [n, n_labels], of audio [n, clip_samples]."""
    graph = with_front_end(network, spec)
    outputs = []
    with progress_bar(title, len(samples)) as (bar, task):
        for start in range(0, len(samples), _BATCH):
            batch = samples[start : start + _BATCH]
            outputs.append(graph(tf.constant(batch)).numpy())
            bar.advance(task, len(batch))
    return np.concatenate(outputs)
