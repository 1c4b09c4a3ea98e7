"""What fine-tuning hears: how many windows of which recordings, and that long ones fit into memory."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from float_models import FloatBuilder
from tone_bundle import FRONTEND

from asc_kit.dataset import Clip, Dataset
from asc_kit.export import training_windows as module
from asc_kit.export.network.affine import Affine
from asc_kit.export.network.reading import read_network
from asc_kit.quantization import QuantizationSettings

# windows of 0.5 s every 0.25 s: labels, seconds, windows
RECORDINGS = ((("a",), 20.0, 79), (("b", "c"), 1.0, 3), (("c",), 0.1, 1), (("a", "b"), 0.5, 1))
SCALE = 0.1


@pytest.mark.parametrize(
    ("most", "n_windows"),
    [
        (20_000, (79, 3, 1, 1)),
        (8, (2, 2, 1, 1)),  # two of each recording that has two
        (4, (1, 1, 1, 1)),
    ],
)
def test_windows_of_recordings_long_and_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, n_windows: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    clips = []
    for index, (labels, seconds, _) in enumerate(RECORDINGS):
        soundfile.write(tmp_path / f"{index}.wav", 0.1 * rng.normal(size=round(8000 * seconds)), 8000)
        clips.append(Clip(filename=f"{index}.wav", labels=labels, identifier=str(index), recording_device="x"))
    dataset = Dataset(root=tmp_path, labels=("a", "b", "c"), clips=tuple(clips), task="multi_label")
    builder = FloatBuilder()
    source, n = builder.tensor(FRONTEND.input_shape, "input"), int(np.prod(FRONTEND.input_shape))
    flat = builder.one("RESHAPE", [source, builder.values([1, n])], (1, n), "ReshapeOptions")
    weights = 0.01 * rng.normal(size=(3, n)).astype(np.float32)
    logits = builder.one("FULLY_CONNECTED", [flat, builder.values(weights)], (1, 3), "FullyConnectedOptions")
    network = read_network(builder.finish(source, builder.one("LOGISTIC", [logits], (1, 3))))

    heard_at_once: list[int] = []
    compile_network: Callable[..., Callable[[Any], Any]] = module.compile_network

    def counting(*arguments: Any, **options: Any) -> Callable[[Any], Any]:
        function = compile_network(*arguments, **options)
        return lambda features: (heard_at_once.append(len(features)), function(features))[1]

    monkeypatch.setattr(module, "compile_network", counting)
    monkeypatch.setattr(module, "training_clips", lambda run, data: dataset)
    manifest = SimpleNamespace(frontend=FRONTEND, labels=dataset.labels, hop_samples=2000)
    found = module.training_windows(
        SimpleNamespace(manifest=manifest),  # type: ignore[arg-type]
        tmp_path,
        QuantizationSettings(qat_windows=most),
        network,
        Affine(scale=SCALE, zero_point=0),
    )

    assert len(found.inputs) == len(found.targets) == sum(n_windows) <= most
    assert max(heard_at_once) <= 32
    for label, column in zip(dataset.labels, found.targets.T, strict=True):
        assert column.sum() == sum(n for n, (labels, *_) in zip(n_windows, RECORDINGS, strict=True) if label in labels)
    # the teacher hears what was not rounded: off by half a step per value at most
    features = found.inputs.reshape(len(found.inputs), -1) * SCALE
    assert np.abs(found.teacher_logits - features @ weights.T).max() <= 0.5 * SCALE * np.abs(weights).sum(axis=1).max()
