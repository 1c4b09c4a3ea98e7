"""A bundle's float16 and dynamic-range networks on this machine: the same front end, no quantization of features."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result
from tagged_tones import write_tagged_tones
from timed_audio import timed
from tone_bundle import FRONTEND, LABELS, make_tone_bundle, real_weights, tone
from tone_variants import add_variants, variant_model

from asc_kit.bundle import Bundle, VariantName
from asc_kit.cli import cli
from asc_kit.dataset import read_dataset
from asc_kit.device_runner.classifier import SceneClassifier
from asc_kit.device_runner.commands.live import live
from asc_kit.device_runner.commands.predict import predict
from asc_kit.device_runner.listening.listener import Listener, listen
from asc_kit.device_runner.predict import predict_file
from asc_kit.errors import BundleError, ModelError
from asc_kit.frontend import log_mel
from asc_kit.inference import interpreter
from asc_kit.inference.float_scores import float_scores, open_variant
from asc_kit.inference.interpreter import FloatModel, Int8Model
from asc_kit.recordings.audio import load_clip
from asc_kit.train.commands.evaluate import evaluate

NAMES: tuple[VariantName, ...] = get_args(VariantName)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = make_tone_bundle(tmp_path_factory.mktemp("tones"))
    plain = Bundle.open(folder)
    return add_variants(folder, {name: variant_model(plain, name) for name in NAMES})


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of tags whose windows overlap by three quarters, with one variant."""
    folder = make_tone_bundle(tmp_path_factory.mktemp("tags"), task="multi_label", hop_samples=1000)
    return add_variants(folder, {"float16": variant_model(Bundle.open(folder), "float16")})


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    path = tmp_path / "noise.wav"
    samples = np.random.default_rng(5).normal(0, 0.05, 4000) + tone(500, 0.5, 8000, 0.05)
    soundfile.write(path, samples, 8000, subtype="PCM_16")
    return path


def run(*words: object) -> Result:
    result = CliRunner().invoke(cli, [*map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


# predict


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_those_of_the_sums_written_out(bundle: Bundle, noise: Path, name: VariantName) -> None:
    weights, biases = real_weights(bundle.manifest.input.shape, "single_label")
    if name == "float16":
        rounded = weights.astype(np.float16).astype(np.float64)
        bound = 1e-4  # sums of 288 products in float32
    else:
        step = np.abs(weights).max() / 127
        rounded = np.rint(weights / step) * step
        # features up to 11.5 in 127 steps: a deviation of 0.026 each, 0.004 in twice the mean over 224; five of these
        bound = 0.02
    logits = rounded @ log_mel(load_clip(noise, FRONTEND), FRONTEND).astype(np.float64).T.reshape(-1) + biases
    found = SceneClassifier(bundle, variant=name).probabilities(load_clip(noise, FRONTEND))
    # logarithms of probabilities differ by what the logits do
    np.testing.assert_allclose(np.diff(np.log(found)), np.diff(logits), atol=bound)
    assert found.sum() == pytest.approx(1)


def test_features_are_not_rounded_to_int8(bundle: Bundle, noise: Path) -> None:
    clip = load_clip(noise, FRONTEND)
    weights, biases = real_weights(bundle.manifest.input.shape, "single_label")
    exact = np.diff(weights @ log_mel(clip, FRONTEND).astype(np.float64).T.reshape(-1) + biases)
    errors = [
        np.abs(np.diff(np.log(SceneClassifier(bundle, variant=variant).probabilities(clip))) - exact).max()
        for variant in ("float16", None)
    ]
    assert errors[0] < errors[1] / 20


def test_predict_says_which_network_it_ran(bundle: Bundle, noise: Path) -> None:
    hashes = {variant.name: variant.sha256 for variant in bundle.manifest.variants}
    for name in NAMES:
        document = json.loads(run("predict", bundle.path, noise, "--variant", name, "--json").stdout)
        assert (document["variant"], document["model_sha256"]) == (name, hashes[name])
        assert document["files"][0]["label"] == "high"  # white noise, nine bands of sixteen
    document = json.loads(run("predict", bundle.path, noise, "--json").stdout)
    assert (document["variant"], document["model_sha256"]) == (None, bundle.manifest.model_sha256)


def test_reference_kernels_are_for_int8_alone(bundle: Bundle, noise: Path) -> None:
    result = run("predict", bundle.path, noise, "--variant", "float16", "--kernels", "reference")
    assert result.exit_code == 2 and "--kernels reference runs the int8 network" in result.stderr
    assert run("predict", bundle.path, noise, "--variant", "float8").exit_code == 2


@pytest.mark.parametrize("words", [["predict", "noise.wav"], ["live"], ["evaluate", "--data", "tags"]])
def test_a_variant_that_the_bundle_has_not(
    tagger: Bundle, noise: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    write_tagged_tones(noise.parent / "tags", n_train=1, n_validation=1)
    monkeypatch.chdir(noise.parent)
    with pytest.raises(BundleError, match=r"has no variant dynamic_range\. It has: float16") as caught:
        run(words[0], tagger.path, *words[1:], "--variant", "dynamic_range")
    assert "asc-kit export RUN --out BUNDLE --variant dynamic_range" in (caught.value.hint or "")


def test_a_bundle_without_variants(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="It has: none, only the int8 network"):
        SceneClassifier(Bundle.open(make_tone_bundle(tmp_path / "plain")), variant="float16")


def test_every_command_knows_every_variant() -> None:
    for command in (predict, live, evaluate):
        (option,) = (each for each in command.params if each.name == "variant")
        assert isinstance(option.type, click.Choice) and tuple(option.type.choices) == NAMES


# live


def test_listening_with_a_variant(bundle: Bundle) -> None:
    audio = np.concatenate([tone(300, 1.0, 8000), tone(3000, 1.0, 8000), np.zeros(8000)]).astype(np.float32)
    # no microphone delivers exact zeros, or a tone that repeats to the bit
    audio += np.random.default_rng(0).normal(0, 1e-4, len(audio)).astype(np.float32)
    for name in NAMES:
        listener = Listener(SceneClassifier(bundle, variant=name), 8000, hop_s=0.5)
        heard = list(listen(listener, timed(np.split(audio, 60), 8000)))
        assert [each.ranking[0][0] for each in heard] == ["low"] * 2 + ["high"] * 2 + ["quiet"]


def test_live_hands_the_variant_on(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    noise = np.random.default_rng(0).normal(0, 1e-3, round(0.6 * 8000))
    soundfile.write(path, tone(300, 0.6, 8000) + noise, 8000)
    result = run("live", bundle.path, "--source", path, "--variant", "dynamic_range", "--json")
    window, *_, summary = map(json.loads, result.stdout.splitlines())
    assert window["label"] == "low" and summary["event"] == "summary" and summary["windows"] >= 1
    assert "tones, dynamic_range, on " in result.stderr
    assert "tones, int8, on " in run("live", bundle.path, "--source", path).stderr


# evaluate


def test_evaluate_a_variant(tagger: Bundle, tmp_path: Path) -> None:
    data = write_tagged_tones(tmp_path / "data")
    words = (tagger.path, "--data", data, "--variant", "float16")
    result = run("evaluate", *words, "--json", "--predictions", tmp_path / "p.csv", "--out", tmp_path / "out")
    assert json.loads(result.stdout)["lwlrap"] == 1.0
    assert "tones, float16, this machine's kernels" in result.stderr.replace("\n", " ")
    (model,) = json.loads((tmp_path / "out" / "evaluation.json").read_text())["models"]
    assert model["kind"] == "float16"
    int8 = json.loads(run("evaluate", tagger.path, "--data", data, "--json").stdout)
    assert int8["log_loss"] != json.loads(result.stdout)["log_loss"]


def test_scores_are_the_means_that_predict_gives(tagger: Bundle, tmp_path: Path) -> None:
    dataset = read_dataset(write_tagged_tones(tmp_path / "data")).split("validation")
    model = (tagger.path / "model_float16.tflite").read_bytes()
    scores = float_scores(model, tagger.manifest, dataset, "tones")
    assert scores.shape == (6, 3)
    classifier = SceneClassifier(tagger, variant="float16")
    for clip, expected in zip(dataset.clips, scores, strict=True):
        found = predict_file(classifier, dataset.path(clip), top=None)
        assert dict(found.ranking) == pytest.approx(dict(zip(LABELS, expected, strict=True)), abs=1e-6)


def test_a_run_has_no_variants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from asc_kit.train.evaluation import assessment

    monkeypatch.setattr(assessment, "open_subject", lambda path, variant: SimpleNamespace(kind="float"))
    result = run("evaluate", tmp_path, "--data", tmp_path, "--variant", "float16")
    assert result.exit_code == 2 and "--variant is for bundles" in result.stderr


# what is not as it must be


def test_a_changed_or_missing_variant_is_refused(tmp_path: Path) -> None:
    folder = make_tone_bundle(tmp_path / "tones")
    model = variant_model(Bundle.open(folder), "float16")
    path = add_variants(folder, {"float16": model}).path / "model_float16.tflite"
    path.write_bytes(model[:-1] + bytes([model[-1] ^ 1]))
    with pytest.raises(BundleError, match=r"model_float16\.tflite was changed after export"):
        Bundle.open(folder)
    path.unlink()
    with pytest.raises(BundleError, match=r"model_float16\.tflite is missing"):
        Bundle.open(folder)


def test_a_flatbuffer_that_is_another_network(tmp_path: Path) -> None:
    folder = make_tone_bundle(tmp_path / "tones")
    plain = Bundle.open(folder)
    wrong = {
        "expected one float32 input and one float32 output. Received: features: int8": plain.model_path.read_bytes(),
        r"takes \(1, 16, 32, 1\) and gives \(1, 3\)\. Received: one that takes \(1, 16, 16, 1\)": variant_model(
            plain, "float16", (1, 16, 16, 1)
        ),
        "cannot run this model": b"no flatbuffer",
    }
    for text, model in wrong.items():
        with pytest.raises(ModelError, match=text):
            open_variant(add_variants(folder, {"float16": model}), "float16")
    with pytest.raises(ModelError, match="expected one int8 input"):
        Int8Model(variant_model(plain, "float16"))


class FakeRuntime:
    """A runtime whose default kernels, and more if asked, prepare no model."""

    OpResolverType = SimpleNamespace(AUTO="auto", BUILTIN_WITHOUT_DEFAULT_DELEGATES="plain", BUILTIN_REF="reference")

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.tried: list[Any] = []

    def Interpreter(self, experimental_op_resolver_type: str, **_: Any) -> Any:  # noqa: N802
        self.tried.append(experimental_op_resolver_type)

        def allocate_tensors() -> None:
            if experimental_op_resolver_type in self.failing:
                raise RuntimeError(f"{experimental_op_resolver_type} failed to prepare")

        def details() -> list[dict[str, Any]]:
            return [{"name": "x", "dtype": np.float32, "shape": np.array([1, 2]), "index": 0}]

        return SimpleNamespace(allocate_tensors=allocate_tensors, get_input_details=details, get_output_details=details)


def test_a_model_that_the_default_kernels_cannot_prepare(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = FakeRuntime("auto")
    monkeypatch.setattr(interpreter, "_import_runtime", lambda: (runtime, "fake"))
    assert FloatModel(b"", input_shape=(1, 2), n_outputs=2).runtime == "fake"
    assert runtime.tried == ["auto", "plain"]
    for failing in (("auto", "plain"), ("reference",)):
        runtime = FakeRuntime(*failing)
        with pytest.raises(ModelError, match=f"fake cannot run this model: {failing[-1]} failed to prepare"):
            Int8Model(b"", "fast" if "auto" in failing else "reference")
        assert runtime.tried == list(failing)
