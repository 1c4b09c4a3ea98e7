"""Other forms of a network, for a computer with an interpreter and floats: float16 and dynamic-range weights."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asc_kit.bundle import Variant, VariantName
from asc_kit.dataset import Dataset
from asc_kit.errors import ModelError
from asc_kit.inference.float_scores import float_scores
from asc_kit.process.native_output import hidden_stderr
from asc_kit.records.record import write_bytes
from asc_kit.run import Run, without_wildcards
from asc_kit.scores.evaluation import Evaluation, TaggingEvaluation, evaluation_of
from asc_kit.tflite.decoder import Decoder, read_checked

FILENAMES: dict[VariantName, str] = {
    "float16": "model_float16.tflite",
    "dynamic_range": "model_dynamic_range.tflite",
}


def write_variants(folder: Path, run: Run, test_set: Dataset, names: Sequence[VariantName]) -> tuple[Variant, ...]:
    """Convert a run's network to variants, write them into a bundle's folder and measure them.

    Parameters
    ----------
    folder
        The bundle being written.
    run
        The run.
    test_set
        The clips that the float and the int8 network are measured on, too.
    names
        Names of the variants; a repeated name counts once.

    Returns
    -------
    tuple[Variant, ...]
        Their records for the bundle, in the order of `names`.

    Raises
    ------
    ModelError
        When a variant cannot be made, or its scores are not numbers.
    """
    written = []
    for name, model in variant_models(run.saved_model_path, names).items():
        evaluation = measure_variant(name, model, run, test_set)
        write_bytes(folder / FILENAMES[name], model)
        written.append(
            Variant(
                name=name,
                filename=FILENAMES[name],
                sha256=hashlib.sha256(model).hexdigest(),
                n_bytes=len(model),
                evaluation=evaluation,
            )
        )
    return tuple(written)


def variant_models(saved_model: Path, names: Sequence[VariantName]) -> dict[VariantName, bytes]:
    """Convert a SavedModel (endpoint ``serve``, static batch of 1) to variants: flatbuffers with float32 in and out.

    ``float16`` rounds the weights to 16 bits and computes in float32. ``dynamic_range`` quantizes the
    weights to int8 and leaves the activations to the interpreter, which quantizes them as they come; the converter
    leaves kernels of fewer than 1,024 values in float32, which may be all of a small network.

    Raises
    ------
    ModelError
        When the converter refuses the model, or weights are too large for float16.
    """
    return {name: _convert(saved_model, name) for name in dict.fromkeys(names)}


def _convert(saved_model: Path, name: VariantName) -> bytes:
    with hidden_stderr():
        import tensorflow as tf

    try:
        with without_wildcards(saved_model) as plain, hidden_stderr():
            converter = tf.lite.TFLiteConverter.from_saved_model(os.fspath(plain), signature_keys=["serve"])
            # without representative data, this alone is dynamic range
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if name == "float16":
                converter.target_spec.supported_types = [tf.float16]
            model = converter.convert()
    except (ValueError, RuntimeError, tf.errors.OpError, OSError) as failure:
        raise ModelError(f"TensorFlow cannot convert {saved_model} to {name}: {failure}") from failure
    if name == "float16":
        read_checked(bytes(model), _check_float16)
    return bytes(model)


def _check_float16(decoder: Decoder) -> None:
    """Refuse weights beyond the range of float16, which the converter would clip silently."""
    for tensor in map(decoder.graph.tensor, range(decoder.graph.n_tensors)):
        values = decoder.constant(tensor.buffer)
        if tensor.type == "FLOAT16" and values is not None:
            if np.any(np.abs(values.view(np.float16)) >= np.finfo(np.float16).max):
                raise ModelError(
                    f"weights {tensor.name} exceed the range of float16, 65,504",
                    hint="export without --variant float16; weights so large often come from a training that diverged",
                )


def measure_variant(name: VariantName, model: bytes, run: Run, test_set: Dataset) -> Evaluation | TaggingEvaluation:
    """Evaluate a variant of a run's network with the interpreter's own kernels, window by window.

    Raises
    ------
    ModelError
        When it has not the run's input and labels, or its scores are not numbers.
    """
    manifest = run.manifest
    scores = float_scores(model, manifest, test_set, f"test clips, {name}")
    return evaluation_of(test_set, scores, manifest.labels, manifest.train_recording_devices)
