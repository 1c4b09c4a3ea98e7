"""Fine-tuning under fake quantization: what it mends, what it leaves alone, and that int8 is what it trained."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from simulation import simulate
from small_recipes import small_network
from small_teacher import N_LABELS, SHAPE, SmallTeacher, small_teacher

from asc_kit.errors import ModelError
from asc_kit.export.network.affine import Affine, affine_of
from asc_kit.export.network.graph import logits_of
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.calibration import observe
from asc_kit.export.quantization.fine_tuning import TrainingWindows, _loss, _Trained, fine_tune
from asc_kit.export.quantization.pipeline import FineTuning, Quantized, quantize
from asc_kit.export.quantization.scheme import FIXED_OUTPUT, scheme_of, weight_scales
from asc_kit.inference.interpreter import Int8Model
from asc_kit.quantization import QuantizationSettings, TensorInfo

QAT = QuantizationSettings(method="qat", qat_epochs=4, qat_learning_rate=1e-3)
N_HEARD = 512
N_REPRESENTATIVE = 50


@pytest.fixture(scope="module")
def teacher() -> SmallTeacher:
    return small_teacher(n_clips=1024)


@pytest.fixture(scope="module")
def tagger() -> SmallTeacher:
    return small_teacher(n_clips=1024, multi_label=True)


def ready(
    teacher: SmallTeacher,
    settings: QuantizationSettings = QAT,
    *,
    representative: np.ndarray | None = None,
    seed: int = 0,
) -> Quantized:
    """Quantize the teacher; it hears the first clips, the others are for measuring."""
    fine_tuning = FineTuning(
        windows=lambda affine: teacher.windows(affine, teacher.clips[:N_HEARD]),
        task="single_label" if teacher.network.output == logits_of(teacher.network) else "multi_label",
        seed=seed,
    )
    heard = teacher.clips[:N_REPRESENTATIVE] if representative is None else representative
    return quantize(teacher.network, heard, settings, fine_tuning)


@pytest.fixture(scope="module")
def tuned(teacher: SmallTeacher) -> Quantized:
    return ready(teacher)


def int8_outputs(one: Quantized, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs of the reference kernels and of the simulation, in steps, [n, N_LABELS]."""
    model, affine, output = Int8Model(one.flatbuffer()), one.scheme[one.network.input], one.scheme[one.network.output]
    info = TensorInfo(shape=(1, *SHAPE), scale=affine.scale, zero_point=affine.zero_point)
    inputs = info.quantize(clips)
    actual = np.stack([model.run(clip[np.newaxis]).reshape(-1) for clip in inputs]).astype(np.float64)
    simulated = simulate(one.network, one.scheme, info.dequantize(inputs)) / output.scale + output.zero_point
    return actual, simulated


def agreement(teacher: SmallTeacher, one: Quantized) -> float:
    """Share of new clips for which int8 decides as the float network does."""
    clips = teacher.clips[N_HEARD:]
    actual, _ = int8_outputs(one, clips)
    return float(np.mean(actual.argmax(axis=1) == teacher.decisions(clips).argmax(axis=1)))


# --- int8 is what was trained --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["teacher", "tagger"])
def test_int8_follows_the_simulation(kind: str, request: pytest.FixtureRequest) -> None:
    network = request.getfixturevalue(kind)
    actual, simulated = int8_outputs(ready(network), network.clips[N_HEARD:])
    assert len({row.tobytes() for row in actual}) > 100
    assert np.array_equal(actual, np.rint(simulated))


def test_the_same_seed_gives_the_same_bytes(teacher: SmallTeacher, tuned: Quantized) -> None:
    assert ready(teacher).flatbuffer() == tuned.flatbuffer()
    assert ready(teacher, seed=1).flatbuffer() != tuned.flatbuffer()


def test_a_tagger_learns_each_label_and_ends_in_probabilities(tagger: SmallTeacher) -> None:
    coarse = QuantizationSettings(calibration="percentile", percentile=90)
    clips = tagger.clips[N_HEARD:]
    labels = tagger.decisions(clips).astype(bool)
    assert np.all((labels.mean(axis=0) > 0.3) & (labels.mean(axis=0) < 0.7))
    one = ready(tagger)
    assert one.scheme[one.network.output] == FIXED_OUTPUT["LOGISTIC"]
    right = [np.mean((int8_outputs(each, clips)[0] >= 0) == labels) for each in (ready(tagger, coarse), one)]
    # measured: 0.841, 0.978
    assert right[1] >= 0.95 and right[1] > right[0]


# --- what it mends -------------------------------------------------------------------------------


def test_it_costs_nothing_where_nothing_is_wrong(teacher: SmallTeacher, tuned: Quantized) -> None:
    """Measured: 0.971 after training, 0.980 with fine-tuning."""
    after_training = ready(teacher, QuantizationSettings())
    assert agreement(teacher, tuned) >= max(0.95, agreement(teacher, after_training) - 0.01)


def with_one_loud_clip(teacher: SmallTeacher) -> np.ndarray:
    clips = teacher.clips[:N_REPRESENTATIVE].copy()
    clips[3] *= 300
    return clips


def test_one_loud_clip_ruins_minimum_and_maximum(teacher: SmallTeacher) -> None:
    """Measured: 0.17; ranges that follow the windows make some of it good, 0.5: the input's stays."""
    clips = with_one_loud_clip(teacher)
    ruined = agreement(teacher, ready(teacher, QuantizationSettings(), representative=clips))
    assert ruined < 0.4
    assert agreement(teacher, ready(teacher, representative=clips)) > ruined + 0.1


def test_percentiles_and_fine_tuning_mend_it(teacher: SmallTeacher) -> None:
    clips = with_one_loud_clip(teacher)
    settings = {"calibration": "percentile", "percentile": 97.0}
    clipped = ready(teacher, QuantizationSettings(**settings), representative=clips)
    tuned = ready(teacher, QuantizationSettings(method="qat", qat_learning_rate=1e-3, **settings), representative=clips)
    assert agreement(teacher, clipped) > 0.85  # measured: 0.93
    assert agreement(teacher, tuned) >= agreement(teacher, clipped) - 0.01


# --- what it leaves alone ------------------------------------------------------------------------


def test_zeros_and_averages_stay_and_all_else_moves(teacher: SmallTeacher, tuned: Quantized) -> None:
    before, after = teacher.network, tuned.network
    zeros = before.constant(teacher.sparse) == 0
    assert 0.3 < zeros.mean() < 0.7
    assert np.all(after.constant(teacher.sparse)[zeros] == 0)
    assert np.array_equal(after.constant(teacher.average), before.constant(teacher.average))
    average = next(layer for layer in before.weighted if layer.weights == teacher.average)
    assert np.array_equal(after.constant(average.bias), before.constant(average.bias))
    for layer in before.weighted:
        if layer is not average:
            for index in (layer.weights, layer.bias):
                old, new = before.constant(index), after.constant(index)
                # those of silent units have no gradient
                assert np.mean(old[old != 0] != new[old != 0]) >= 0.7, before.layer_name(layer)


def test_averages_stay_averages_after_equalization(teacher: SmallTeacher) -> None:
    """Factors of equalization differ from channel to channel, but not within a window."""
    kernels = ready(teacher, replace(QAT, equalization=True)).network.constant(teacher.average)
    np.testing.assert_array_equal(kernels, np.broadcast_to(kernels[:, :1, :1], kernels.shape))


def test_gradients_reach_every_constant() -> None:
    """Through attention, shortcuts, joints and pools, with ranges that move and with frozen ones."""
    small = small_network("dcase2021_resnet11_cbam")
    network = read_network(small.float_flatbuffer)
    rng = np.random.default_rng(0)
    targets = np.eye(5, dtype=np.float32)[rng.integers(0, 5, len(small.clips))]

    def windows(affine: Affine) -> TrainingWindows:
        info = TensorInfo(shape=small.clips.shape, scale=affine.scale, zero_point=affine.zero_point)
        logits = rng.normal(size=targets.shape).astype(np.float32)
        return TrainingWindows(inputs=info.quantize(small.clips), targets=targets, teacher_logits=logits)

    settings = QuantizationSettings(method="qat", qat_epochs=2, qat_batch_size=len(small.clips))
    fine_tuning = FineTuning(windows=windows, task="single_label", seed=0)
    after = quantize(network, small.clips, settings, fine_tuning).network
    peak = {index: seen.channel_peak.max() for index, seen in observe(network, small.clips).items()}
    moved = 0
    for layer in network.weighted:
        # attention of few units has silent ones: nothing is learned before them, and no weights behind. It uses its
        # weights twice, with biases for each time.
        uses = network.consumers(layer.weights)
        without_effect = all(peak[one.output] == 0 or peak[one.inputs[0]] == 0 for one in uses)
        no_bias = not network.constant(layer.bias).any()
        for index, excused in ((layer.weights, without_effect), (layer.bias, peak[layer.output] == 0 or no_bias)):
            changed = np.any(network.constant(index) != after.constant(index))
            assert changed or excused, network.layer_name(layer)
            assert not (changed and no_bias and index == layer.bias), network.layer_name(layer)
            moved += int(changed)
    # measured: 53, of 39 layers of which some have no biases
    assert moved >= 1.25 * len(network.weighted)


def test_scales_in_training_are_those_that_are_written(teacher: SmallTeacher) -> None:
    """Also of channels that hold zeros, or nothing but a bias."""
    network = teacher.network
    first = network.weighted[0]
    weights, bias = (network.constant(index).copy() for index in (first.weights, first.bias))
    weights[0], bias[0] = 0.0, 0.5
    weights[1], bias[1] = 1e-9, 3.0
    network = network.with_constants({first.weights: weights, first.bias: bias})
    scheme = scheme_of(network, dict.fromkeys(network.activations, (-4.0, 4.0)))
    found = _Trained(network).scales(scheme)
    for operator in network.weighted:
        expected = weight_scales(network, operator, scheme)
        np.testing.assert_allclose(found[operator.weights], expected, rtol=1e-6)


def test_ranges_of_the_input_and_prescribed_ones_stay(tagger: SmallTeacher) -> None:
    settings = QuantizationSettings(calibration="percentile", percentile=95)
    before, after = ready(tagger, settings), ready(tagger)
    start = ready(tagger, QuantizationSettings())
    assert after.scheme[tagger.network.input] == start.scheme[tagger.network.input]
    assert before.scheme[tagger.network.input] != start.scheme[tagger.network.input]
    for network in (before, after):
        assert network.scheme[tagger.network.output] == FIXED_OUTPUT["LOGISTIC"]
    hidden = [one.output for one in tagger.network.operators if one.op in ("CONV_2D", "MEAN")]
    assert all(after.scheme[index] != start.scheme[index] for index in hidden)


def test_ranges_follow_the_windows_for_half_of_the_steps(teacher: SmallTeacher) -> None:
    """Ten times too wide at first: after n moves of 5 % each, 0.95^n of the excess is left."""
    network, clips = teacher.network, teacher.clips[:N_HEARD]
    first = network.weighted[0].output
    wide = {index: (-40.0, 40.0) for index in network.activations}
    affine = affine_of(*wide[network.input])
    settings = QuantizationSettings(method="qat", qat_learning_rate=1e-9, qat_batch_size=32, qat_epochs=2)
    windows = teacher.windows(affine, clips)
    _, scheme = fine_tune(network, wide, windows, "single_label", settings, 0)
    assert scheme_of(network, wide)[network.input] == scheme[network.input]
    moves = settings.qat_epochs * N_HEARD // 32 // 2
    left = 40 * 0.95**moves
    # a RELU's lowest value is 0; its highest differs from batch to batch
    assert -scheme[first].lowest == pytest.approx(left, rel=0.05)
    assert left < scheme[first].highest < left + 8


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e6, 1e30])
def test_divergence_is_an_error_with_a_way_out(teacher: SmallTeacher, rate: float) -> None:
    with pytest.raises(ModelError, match="fine-tuning diverged: .*the loss is .* in step .* of ") as caught:
        ready(teacher, QuantizationSettings(method="qat", qat_learning_rate=rate))
    assert f"--qat-learning-rate {rate / 3:.2g}" in (caught.value.hint or "")


def test_windows_without_a_whole_batch(teacher: SmallTeacher) -> None:
    """Fewer windows than a batch is to have are one batch."""
    windows = teacher.windows(scheme_of(teacher.network, _extremes(teacher))[teacher.network.input], teacher.clips[:5])
    settings = QuantizationSettings(method="qat", qat_epochs=1)
    after, _ = fine_tune(teacher.network, _extremes(teacher), windows, "single_label", settings, 0)
    assert not np.array_equal(after.constant(teacher.sparse), teacher.network.constant(teacher.sparse))


def _extremes(teacher: SmallTeacher) -> dict[int, tuple[float, float]]:
    return dict.fromkeys(teacher.network.activations, (-6.0, 6.0))


def test_the_loss_is_that_of_the_equation() -> None:
    """Equation (32), against its parts written out."""
    rng = np.random.default_rng(0)
    logits, teacher = (rng.normal(size=(7, N_LABELS)) * 3 for _ in range(2))
    targets = np.eye(N_LABELS)[rng.integers(0, N_LABELS, 7)]
    temperature, weight = 2.5, 0.7
    settings = QuantizationSettings(qat_temperature=temperature, qat_teacher_weight=weight)

    def softmax(values: np.ndarray) -> np.ndarray:
        shifted = np.exp(values - values.max(axis=-1, keepdims=True))
        return shifted / shifted.sum(axis=-1, keepdims=True)

    def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return np.sum(p * np.log(p / q), axis=-1)

    soft, own = softmax(teacher / temperature), softmax(logits / temperature)
    entropy = -np.sum(targets * np.log(softmax(logits)), axis=-1)
    expected = weight * temperature**2 * divergence(soft, own) + (1 - weight) * entropy
    found = _loss("single_label", settings)(*(tf.constant(part) for part in (logits, targets, teacher)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)

    def sigmoid(values: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-values))
        return np.stack([p, 1 - p], axis=-1)

    tags = (rng.random(targets.shape) < 0.5).astype(float)
    soft, own = sigmoid(teacher / temperature), sigmoid(logits / temperature)
    entropy = -np.sum(np.stack([tags, 1 - tags], axis=-1) * np.log(sigmoid(logits)), axis=-1)
    expected = (weight * temperature**2 * divergence(soft, own) + (1 - weight) * entropy).mean(axis=-1)
    found = _loss("multi_label", settings)(*(tf.constant(part) for part in (logits, tags, teacher)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
