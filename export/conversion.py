"""TensorFlow's converter: a float flatbuffer, with batch normalization folded and activations fused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asc_kit.errors import ModelError
from asc_kit.process.native_output import hidden_stderr
from asc_kit.run import without_wildcards


def float_flatbuffer(saved_model: Path) -> bytes:
    """Convert a SavedModel (endpoint ``serve``, static batch of 1) to a float32 flatbuffer.

    Raises
    ------
    ModelError
        When the converter refuses the model.
    """
    with hidden_stderr():
        import tensorflow as tf
        from tensorflow.lite.python.convert_phase import ConverterError

    try:
        with without_wildcards(saved_model) as plain, hidden_stderr():
            converter = tf.lite.TFLiteConverter.from_saved_model(os.fspath(plain), signature_keys=["serve"])
            model = converter.convert()
    except ConverterError as failure:
        # its text is the whole network in the converter's own notation
        raise _refused(saved_model, failure) from None
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as failure:
        raise ModelError(f"TensorFlow cannot convert {saved_model} for TensorFlow Lite: {failure}") from failure
    return bytes(model)


def _refused(saved_model: Path, failure: Any) -> ModelError:
    """Return the error for a network that the converter refuses: its operators and layers, if it names them."""
    operators = []
    for fault in failure.errors:
        if fault.HasField("operator"):
            parts = [call.name.split("@")[0].split("/") for call in fault.location.call[:1]]
            layer = f" in layer {parts[0][1]}" if parts and len(parts[0]) > 1 else ""
            operators.append(f"{fault.operator.name.removeprefix('tf.')}{layer}")
    if not operators:
        return ModelError(f"TensorFlow cannot convert {saved_model} for TensorFlow Lite: {failure!s:.500}")
    return ModelError(
        f"TensorFlow Lite has no operator for {', '.join(dict.fromkeys(operators))}",
        hint="replace it in the model by layers that TensorFlow Lite has",
    )


def float_network(saved_model: Path) -> Callable[[Any], Any]:
    """Return the float network of a run: features [batch, ...] in, NumPy outputs [batch, n_labels] out."""
    import tensorflow as tf

    with without_wildcards(saved_model) as plain:
        loaded = tf.saved_model.load(os.fspath(plain))
    return lambda features: loaded.batch(tf.constant(features)).numpy()
