"""Wall time of one inference of a bundle's network alone, in every form it has, as ratios to int8.

    python benchmarks/variant_times.py BUNDLE

LiteRT's own kernels, one thread; medians of 500 inferences. docs/variants.md has figures of one processor.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import Bundle
from asc_kit.frontend import model_input
from asc_kit.inference.float_scores import open_variant
from asc_kit.inference.interpreter import FloatModel, Int8Model

INFERENCES = 500


def ratios(bundle: Bundle) -> dict[str, float]:
    """Return the median time of each form over that of int8."""
    clip = bundle.golden(bundle.manifest.golden[0])
    models: dict[str, tuple[Int8Model | FloatModel, NDArray[np.generic]]] = {
        "int8": (Int8Model(bundle.model_path.read_bytes(), "fast"), clip.input)
    }
    for variant in bundle.manifest.variants:
        features = model_input(clip.features, bundle.manifest.frontend)
        models[variant.name] = (open_variant(bundle, variant.name), features)
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(INFERENCES):  # by turns, so that whatever else the machine does meets all of them
        for name, (model, values) in models.items():
            start = time.perf_counter()
            model.run(values)  # type: ignore[arg-type]
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(each) for name, each in times.items()}
    return {name: median / medians["int8"] for name, median in medians.items()}


if __name__ == "__main__":
    for name, ratio in ratios(Bundle.open(Path(sys.argv[1]))).items():
        print(f"{name:14} {ratio:.2f}")
