"""A small network whose own decisions are the labels: what quantization costs shows without any training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from float_models import FloatBuilder

from asc_kit.export.network.affine import Affine
from asc_kit.export.network.execution import run
from asc_kit.export.network.graph import Network, logits_of
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.fine_tuning import TrainingWindows
from asc_kit.quantization import TensorInfo

SHAPE = (8, 8, 2)
N_LABELS = 4
CHANNELS = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmallTeacher:
    """A float network, clips, and what to call its parts."""

    network: Network
    """Convolution with RELU, average of 3 by 3 with its padding, sparse 1 by 1 convolution with RELU, mean, dense."""
    clips: np.ndarray
    """float32 [n, *SHAPE]: another level in each channel and corner."""
    average: int
    """The tensor with the average's kernels."""
    sparse: int
    """The tensor with the weights of which half are 0."""

    def decisions(self, clips: np.ndarray) -> np.ndarray:
        """Return the labels that the float network gives clips: 1 where it does, [n, N_LABELS]."""
        logits = run(self.network, clips, wanted=logits_of(self.network))
        if self.network.output == logits_of(self.network):
            return np.eye(N_LABELS, dtype=np.float32)[logits.argmax(axis=1)]
        return (logits > 0).astype(np.float32)

    def windows(self, affine: Affine, clips: np.ndarray | None = None) -> TrainingWindows:
        """Return what fine-tuning hears."""
        clips = self.clips if clips is None else clips
        info = TensorInfo(shape=(1, *SHAPE), scale=affine.scale, zero_point=affine.zero_point)
        logits = run(self.network, clips, wanted=logits_of(self.network))
        return TrainingWindows(inputs=info.quantize(clips), targets=self.decisions(clips), teacher_logits=logits)


def small_teacher(*, multi_label: bool = False, n_clips: int = 192, seed: int = 0) -> SmallTeacher:
    """Build one: a little noisy, so that classes are neither trivial nor out of reach for int8."""
    rng = np.random.default_rng(seed)
    builder = FloatBuilder()
    same = {"options": "Conv2DOptions", "padding": 0, "strideH": 1, "strideW": 1}
    same |= {"dilationHFactor": 1, "dilationWFactor": 1, "fusedActivationFunction": 1}
    source = builder.tensor((1, *SHAPE), "input")
    kernels = builder.values(rng.normal(size=(CHANNELS, 3, 3, SHAPE[2])) / 4)
    shape = (1, *SHAPE[:2], CHANNELS)
    hidden = builder.one("CONV_2D", [source, kernels, builder.values(rng.normal(size=CHANNELS) / 4)], shape, **same)
    average = builder.values(np.full((1, 3, 3, CHANNELS), 1 / 9))
    depthwise = {**same, "options": "DepthwiseConv2DOptions", "depthMultiplier": 1, "fusedActivationFunction": 0}
    zeros = builder.values(np.zeros(CHANNELS, np.float32))
    hidden = builder.one("DEPTHWISE_CONV_2D", [hidden, average, zeros], shape, **depthwise)
    mixing = rng.normal(size=(2 * CHANNELS, 1, 1, CHANNELS)) / 2
    mixing[rng.random(mixing.shape) < 0.5] = 0.0
    sparse = builder.values(mixing)
    shape = (*shape[:3], 2 * CHANNELS)
    hidden = builder.one("CONV_2D", [hidden, sparse, builder.values(rng.normal(size=2 * CHANNELS) / 4)], shape, **same)
    mean = builder.one("MEAN", [hidden, builder.values([1, 2])], (1, 2 * CHANNELS), "ReducerOptions", keepDims=False)
    dense = 8 * rng.normal(size=(N_LABELS, 2 * CHANNELS))
    # as far apart as those of a trained network
    constants = [mean, builder.values(dense), builder.values(np.zeros(N_LABELS, np.float32))]
    output = builder.one("FULLY_CONNECTED", constants, (1, N_LABELS), "FullyConnectedOptions")
    if multi_label:
        output = builder.one("LOGISTIC", [output], (1, N_LABELS))
    network = read_network(builder.finish(source, output))
    levels = rng.normal(size=(n_clips, 2, 2, SHAPE[2])).repeat(4, axis=1).repeat(4, axis=2)
    clips = (0.5 * rng.normal(size=(n_clips, *SHAPE)) + levels).astype(np.float32)
    logits = run(network, clips, wanted=logits_of(network))
    bias = network.weighted[-1].bias
    network = network.with_constants({bias: -np.median(logits, axis=0)})
    return SmallTeacher(network=network, clips=clips, average=average, sparse=sparse)
