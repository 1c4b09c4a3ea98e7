"""Full-integer post-training quantization with TensorFlow's converter."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from asc_kit.errors import ModelError
from asc_kit.native_output import hidden_stderr
from asc_kit.run import without_wildcards


def quantize(saved_model: Path, representative: Callable[[], Iterator[list[Any]]]) -> bytes:
    """Convert a SavedModel (endpoint ``serve``, static batch of 1) to an int8 flatbuffer.

    Weights per channel and symmetric, activations per tensor from the extremes seen on the representative clips,
    int8 in and out.

    Raises
    ------
    ModelError
        When the converter refuses the model.
    """
    with hidden_stderr():
        import tensorflow as tf

    try:
        with without_wildcards(saved_model) as plain, hidden_stderr():
            converter = tf.lite.TFLiteConverter.from_saved_model(os.fspath(plain), signature_keys=["serve"])
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            model = converter.convert()
    except (ValueError, RuntimeError, tf.errors.OpError) as failure:
        raise ModelError(f"TensorFlow cannot convert {saved_model} to int8: {failure}") from failure
    return bytes(model)


def float_network(saved_model: Path) -> Callable[[Any], Any]:
    """Return the float network of a run: features [batch, ...] in, NumPy outputs [batch, n_labels] out."""
    import tensorflow as tf

    with without_wildcards(saved_model) as plain:
        loaded = tf.saved_model.load(os.fspath(plain))
    return lambda features: loaded.batch(tf.constant(features)).numpy()
