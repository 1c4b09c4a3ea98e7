"""``asc-kit inspect`` on a trained network: what it compares with, what it refuses."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click import ClickException
from tagged_tones import write_tagged_tones
from tiny_training import train
from tone_bundle import make_tone_bundle
from tone_data import write_recipe, write_tone_data

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.errors import AscKitError, BundleError, DataError, ModelError, SpecError
from asc_kit.export.conversion import float_flatbuffer
from asc_kit.export.inspection.document import Inspection
from asc_kit.export.inspection.layers import layers_of, stored_scheme
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.writing import int8_flatbuffer
from asc_kit.records.record import parse_record
from asc_kit.run import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, a run, and bundles of it."""
    base = tmp_path_factory.mktemp("inspect")
    data = write_tone_data(base / "data")
    train(data, write_recipe(base), base / "run")
    export(base, "bundle")
    return base


def export(base: Path, name: str, *options: str) -> Path:
    arguments = ["export", str(base / "run"), "--out", str(base / name), "--representative", "30", *options]
    cli.main(arguments, standalone_mode=False)
    return base / name


def inspect(*arguments: str | Path) -> None:
    cli.main(["inspect", *map(str, arguments)], standalone_mode=False)


@pytest.fixture
def found(capsys: pytest.CaptureFixture[str]) -> Callable[..., Inspection]:
    def run(*arguments: str | Path) -> Inspection:
        capsys.readouterr()
        inspect(*arguments, "--json")
        return parse_record(Inspection, json.loads(capsys.readouterr().out), where="stdout")

    return run


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder / "bundle", tmp_path / "bundle"))


def rewrite(path: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def with_model(bundle: Path, model: bytes) -> Path:
    """Put another flatbuffer into a bundle, as if it had been exported so."""
    (bundle / "model.tflite").write_bytes(model)
    digest = hashlib.sha256(model).hexdigest()
    rewrite(bundle / "bundle.json", lambda document: document.update(model_sha256=digest))
    return bundle


def test_with_the_run(folder: Path, found: Callable[..., Inspection], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    one = found(folder / "bundle", "--run", folder / "run", "--html", page)
    provenance = Bundle.open(folder / "bundle").manifest.provenance
    assert (one.reference, one.clips.source, one.clips.clips) == ("run", "test", 24)
    assert one.clips.data_id == provenance.metrics_int8.data_id
    # the same clips through the same kernels, and through the same float network
    assert one.of_int8.score == provenance.metrics_int8.accuracy
    assert one.of_int8.log_loss == pytest.approx(provenance.metrics_int8.log_loss, abs=1e-6)
    assert one.of_float.score == provenance.metrics_float.accuracy
    assert one.of_float.log_loss == pytest.approx(provenance.metrics_float.log_loss, abs=1e-3)
    assert one.of_float.moved == 0 < one.of_int8.moved < 0.1
    assert one.agreement.windows == 24 and one.agreement.mean_steps < 2 and one.agreement.same_class >= 22 / 24
    assert sorted(layer.kept.rank for layer in one.layers) == list(range(1, len(one.layers) + 1))
    network = read_network((folder / "bundle" / "model.tflite").read_bytes())
    assert [layer.index for layer in one.layers] == [-1, *(operator.index for operator in network.operators)]
    text = page.read_text()
    assert one.model_sha256 in text and text.count("<svg") == len(one.layers) + 2


def test_without_a_run_golden_clips_and_their_number_are_told(folder: Path, found: Callable[..., Inspection]) -> None:
    one = found(folder / "bundle")
    assert (one.reference, one.clips.source, one.clips.clips) == ("bundle", "golden", 10)
    assert any("10 golden clips" in note and "too few" in note for note in one.notes)
    assert any("rounding the weights did does not show" in note for note in one.notes)
    # the golden answers are the kernels': what the bundle says of its clips is what is found
    bundle = Bundle.open(folder / "bundle")
    right = [
        bundle.manifest.labels[int(bundle.golden(entry).output.argmax())] == entry.scene_label
        for entry in bundle.manifest.golden
    ]
    assert one.of_int8.score == pytest.approx(np.mean(right))


def test_weight_rounding_shows_with_the_run_alone(folder: Path, found: Callable[..., Inspection]) -> None:
    of_run = found(folder / "bundle", "--run", folder / "run")
    of_bundle = found(folder / "bundle", "--run", folder / "run", "--reference", "bundle")
    assert of_bundle.reference == "bundle" and of_bundle.clips == of_run.clips
    assert of_bundle.of_float == of_run.of_float, "the whole is compared with the run's network"
    convolutions = [layer for layer in of_run.layers if "CONV" in layer.op]
    better = [
        of_bundle.layer(layer.index).sqnr_alone_db > layer.sqnr_alone_db + 0.1  # type: ignore[operator]
        for layer in convolutions
    ]
    assert np.mean(better) > 0.8
    assert of_bundle.layer(-1).sqnr_alone_db == pytest.approx(of_run.layer(-1).sqnr_alone_db)


def test_clips_of_a_data_set(folder: Path, found: Callable[..., Inspection]) -> None:
    one = found(folder / "bundle", "--data", folder / "data", "--clips", "9")
    assert (one.reference, one.clips.source, one.clips.clips, one.clips.windows) == ("bundle", "test", 9, 9)
    assert any("11.1 points" in note for note in one.notes)


@pytest.mark.parametrize("factor", [200.0, 1 / 200])
def test_the_layer_with_a_ruined_scale_costs_most_and_is_named(
    folder: Path, copy: Path, found: Callable[..., Inspection], factor: float
) -> None:
    network = read_network((copy / "model.tflite").read_bytes())
    scheme = stored_scheme(network)
    # in the stem, which no shortcut leads around
    victim = layers_of(network, scheme)[2]
    good = scheme[victim.tensor]
    scheme[victim.tensor] = replace(good, scale=float(np.float32(good.scale * factor)))
    real = read_network(float_flatbuffer(Run.open(folder / "run").saved_model_path))
    ruined = int8_flatbuffer(real, scheme)
    one = found(with_model(copy, ruined), "--run", folder / "run")
    assert one.of_int8.score < one.of_float.score - 0.3
    first = one.ranking[0]
    assert (first.index, first.kept.certain) == (victim.index, True)
    assert first.kept.score_gain > 0.3
    assert not any(layer.kept.certain for layer in one.ranking[1:])
    whole, *layers = one.suggestions
    assert whole.rule == "accuracy" and "--quantize qat" in whole.advice
    assert f"layer {victim.index} {victim.name} (CONV) alone in float brings back" in whole.finding
    assert layers[0].layer == victim.index
    assert layers[0].rule == ("unreached" if factor > 1 else "clipping")


def test_an_equalized_bundle_is_compared_channel_by_channel(folder: Path, found: Callable[..., Inspection]) -> None:
    plain = found(folder / "bundle", "--run", folder / "run")
    one = found(export(folder, "equalized", "--equalize"), "--run", folder / "run")
    assert one.reference == "run"
    assert one.of_float == plain.of_float
    # without the factors, values would be compared with others: about 0 dB
    assert min(layer.sqnr_alone_db for layer in one.layers) > 20  # type: ignore[type-var]


def test_a_fine_tuned_bundle_says_what_its_noise_includes(folder: Path, found: Callable[..., Inspection]) -> None:
    bundle = export(folder, "tuned", "--quantize", "qat", "--qat-epochs", "1")
    with_run = found(bundle, "--run", folder / "run")
    assert with_run.reference == "run" and any("fine-tuning" in note for note in with_run.notes)
    own = found(bundle, "--run", folder / "run", "--reference", "bundle")
    assert own.reference == "bundle" and not any("on purpose" in note for note in own.notes)
    assert own.layers[-1].sqnr_db > with_run.layers[-1].sqnr_db  # type: ignore[operator]


def test_any_number_of_labels_and_windows_of_long_recordings(tmp_path: Path, found: Callable[..., Inspection]) -> None:
    bundle = make_tone_bundle(tmp_path / "bundle", task="multi_label", hop_samples=2000)
    rewrite(
        bundle / "bundle.json",
        lambda document: document["provenance"]["metrics_int8"].update(split="validation"),
    )
    one = found(bundle, "--data", write_tagged_tones(tmp_path / "data", n_validation=12))
    # recordings of 0.5, 0.3, 1.0, 1.5, 2.0 and 1.1 s, windows of 0.5 s every 0.25 s, three at most
    assert (one.score_name, one.clips.clips, one.clips.windows) == ("lwlrap", 12, 2 * (1 + 1 + 4 * 3))
    assert [layer.op for layer in one.layers] == ["INPUT", "FULLY_CONNECTED", "LOGISTIC"]
    assert one.of_float.score > 0.9
    assert not any(layer.kept.certain for layer in one.layers)
    assert one.agreement.max_steps <= 1.01
    # both round: logits to steps of 0.2, probabilities to steps of 1/256
    assert all(layer.kept.moved_gain > 0 for layer in one.layers[1:])


def test_tables_go_to_stdout_unless_the_document_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    inspect(folder / "bundle")
    shown = capsys.readouterr()
    assert "Costliest layers" in shown.out and "Suggestions" in shown.out
    assert "Suggestions" not in shown.err


# --- what is refused -------------------------------------------------------------------------------------------------


def test_bad_options(folder: Path) -> None:
    with pytest.raises(ClickException, match="x>=1"):
        inspect(folder / "bundle", "--clips", "0")
    with pytest.raises(ClickException, match="add --run RUN or --data DIR"):
        inspect(folder / "bundle", "--clips", "30")
    with pytest.raises(ClickException, match="needs --run"):
        inspect(folder / "bundle", "--reference", "run")


def test_missing_things_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not exist"):
        inspect(tmp_path / "none")
    with pytest.raises(SpecError, match="does not exist"):
        inspect(folder / "bundle", "--run", tmp_path / "none")
    with pytest.raises(DataError, match="does not exist"):
        inspect(folder / "bundle", "--data", tmp_path / "none")
    with pytest.raises(AscKitError, match="there is no folder"):
        inspect(folder / "bundle", "--html", tmp_path / "none" / "page.html")


def test_a_bundle_of_another_version_or_changed(copy: Path) -> None:
    rewrite(copy / "bundle.json", lambda document: document.update(schema_version=2))
    with pytest.raises(BundleError, match="schema version 2"):
        inspect(copy)
    rewrite(copy / "bundle.json", lambda document: document.update(schema_version=3))
    (copy / "model.tflite").write_bytes(b"changed")
    with pytest.raises(BundleError, match="changed after export"):
        inspect(copy)


def test_a_damaged_flatbuffer(copy: Path) -> None:
    model = (copy / "model.tflite").read_bytes()
    with pytest.raises(ModelError, match="TensorFlow Lite model is damaged"):
        inspect(with_model(copy, model[: len(model) // 3]))


def test_a_float_network_is_no_int8_network(folder: Path, copy: Path) -> None:
    model = float_flatbuffer(Run.open(folder / "run").saved_model_path)
    with pytest.raises(ModelError, match="no int8 network"):
        inspect(with_model(copy, model))


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [("name", "other", "model"), ("seed", 99, "seed"), ("train_data_id", "f" * 16, "fingerprint")],
)
def test_a_run_that_says_it_is_another(folder: Path, tmp_path: Path, key: str, value: Any, what: str) -> None:
    run = Path(shutil.copytree(folder / "run", tmp_path / "run"))
    rewrite(run / "run.json", lambda document: document.update({key: value}))
    with pytest.raises(ModelError, match=f"its {what}.* differs"):
        inspect(folder / "bundle", "--run", run)


def test_a_run_of_the_same_name_with_other_weights(folder: Path, tmp_path: Path) -> None:
    train(folder / "data", str(folder / "tiny.toml"), tmp_path / "again", "epochs=1")
    with pytest.raises(ModelError, match=r"weights of layer .* int8 steps from the run's"):
        inspect(folder / "bundle", "--run", tmp_path / "again")


def test_another_data_set_under_the_same_run(folder: Path, tmp_path: Path) -> None:
    other = write_tone_data(tmp_path / "other", n_test=4)
    with pytest.raises(DataError, match="is not the split that the run was evaluated on"):
        inspect(folder / "bundle", "--run", folder / "run", "--data", other)


def test_silence_is_refused(folder: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(folder / "data", tmp_path / "silent"))
    for path in (data / "audio").iterdir():
        soundfile.write(path, np.zeros(2048), 8000, subtype="PCM_16")
    with pytest.raises(DataError, match="24 of 24 clips are silent"):
        inspect(folder / "bundle", "--data", data)


def test_classes_that_the_bundle_does_not_know(folder: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(folder / "data", tmp_path / "renamed"))
    for table in ("meta.csv", "train.csv", "test.csv"):
        (data / table).write_text((data / table).read_text().replace("\tmid", "\tmiddle"))
    with pytest.raises(DataError, match=r"other classes than the bundle: middle\. Expected: high, low, mid"):
        inspect(folder / "bundle", "--data", data)
