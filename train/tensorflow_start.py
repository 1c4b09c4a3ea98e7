"""Import TensorFlow once, late and quietly, because it takes seconds and prints much."""

from __future__ import annotations

from asc_kit.process.native_output import hidden_stderr


def start_tensorflow() -> None:
    """Import TensorFlow and Keras without their messages; afterwards an import of either costs nothing."""
    with hidden_stderr():
        import keras
        import tensorflow

        # the first operation starts the runtime, which prints messages too
        keras.ops.convert_to_numpy(tensorflow.zeros(()))
