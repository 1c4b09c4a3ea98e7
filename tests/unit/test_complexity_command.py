"""``asc-kit complexity`` and ``asc-kit plan`` on bundles and .tflite files, where no TensorFlow is installed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from int8_models import ModelBuilder
from reference_networks import cp_mobile
from tone_bundle import make_tone_bundle

from asc_kit.cli import cli
from asc_kit.errors import AscKitError, BundleError, MismatchError, ModelError, SpecError
from asc_kit.firmware_gen.plan.plan import make_plan, plan_document
from asc_kit.firmware_gen.read.reader import read_model


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tone_bundle(tmp_path_factory.mktemp("bundle") / "tones")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "cp_mobile.tflite"
    path.write_bytes(cp_mobile().model)
    return path


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def document(*arguments: str | Path) -> Any:
    result = command(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refusal(*arguments: str | Path) -> AscKitError:
    failure = command(*arguments).exception
    assert isinstance(failure, AscKitError), failure
    return failure


def test_a_model_by_all_rules(model: Path) -> None:
    found = document("complexity", model)
    counts = found["counts"]
    # 61,148 parameters and 29,419,156 MACs, 2 * 1,354 of both batch normalization; folded, a channel keeps a bias
    assert counts["parameters"] == 61_148 - 1_354
    plan = make_plan(read_model(model.read_bytes()))
    assert plan.macs == 29_419_156 - 2 * 1_354
    # bias included, at every position
    biases = sum(layer["macs"] - layer["macs_2022"] for layer in found["layers"] if "CONV" in layer["kind"])
    assert counts["macs"] == plan.macs + biases
    assert found["deployed"] == {
        "parameters": counts["parameters"],
        "constant_bytes": plan.weight_bytes,
        "flatbuffer_bytes": model.stat().st_size,
        "macs": plan.macs,
        "arena_bytes": plan.arena_bytes,
        "overlap_bound_bytes": plan.overlap_bound_bytes,
        "liveness_bound_bytes": plan.liveness_bound_bytes,
    }
    assert (found["schema_version"], found["kind"], found["not_deployed"]) == (1, "model", None)
    assert [check["rule"] for check in found["rules"]] == ["2021", "2022", "2023", "2024", "2025"]
    for check in found["rules"]:
        for limit in check["limits"]:
            assert limit["margin"] == limit["limit"] - limit["value"] and limit["holds"] == (limit["margin"] >= 0)


def test_a_bundle_by_all_rules(bundle: Path) -> None:
    found = document("complexity", bundle, *(f"--enforce={year}" for year in range(2021, 2026)))
    # 3 x 512 weights and 3 biases
    assert found["counts"]["parameters"] == 1_539
    assert found["counts"]["storage"][0] | {"nonzero_bytes": 0} == {
        "precision": "int8",
        "parameter_bytes": 1_536 + 12,
        "nonzero_bytes": 0,
    }
    # low has 7 bands of weights, high 9, quiet none, and no bias either
    assert found["counts"]["storage"][0]["nonzero_bytes"] == 16 * 32 + 2 * 4
    # clips of half a second
    assert found["float_network"] == {"parameters": 1_539, "macs": 1_536, "macs_per_second": 3_072}
    macs = [limit for limit in found["rules"][3]["limits"] if limit["unit"] == "MACs"]
    assert [(limit["name"], limit["value"], limit["decides"]) for limit in macs] == [
        ("MACs per second, float network", 3_072, True),
        ("MACs per second, folded", 2 * 1_539, False),
    ]
    text = command("complexity", bundle).stdout
    assert "float network, batch normalization counted: 1,539 parameters" in text
    assert f"arena, bytes  {found['deployed']['arena_bytes']:,}" in " ".join(text.split()).replace("- - - ", " ")


def test_what_is_printed_fits_100_columns(model: Path, bundle: Path) -> None:
    for arguments in (("complexity", model), ("complexity", bundle), ("plan", model)):
        lines = command(*arguments).stdout.splitlines()
        assert len(lines) > 8 and max(len(line) for line in lines) <= 100


def test_a_length_makes_macs_per_second(model: Path) -> None:
    by_length = {
        seconds: document("complexity", model, *options)
        for seconds, options in ((None, ()), (0.5, ("--clip-seconds=0.5",)))
    }
    limits = {seconds: found["rules"][3]["limits"][-1] for seconds, found in by_length.items()}
    assert (limits[None]["name"], limits[0.5]["name"]) == ("MACs per inference", "MACs per second")
    assert limits[0.5]["value"] == 2 * limits[None]["value"] and not limits[0.5]["holds"]
    assert "not known" in command("complexity", model).stdout


def test_a_rule_that_is_enforced(model: Path) -> None:
    assert command("complexity", model, "--enforce=2021", "--enforce=2022").exit_code == 0
    # 29.4 million of the float network: the biases of batch normalization count more once they are folded
    failure = refusal("complexity", model, "--enforce=2022", "--enforce=2024")
    assert isinstance(failure, MismatchError)
    assert failure.message == (
        "rule of DCASE 2024: MACs per inference: 30,216,768, 216,768 (0.7 %) above the limit of 30,000,000"
    )
    # the tables come all the same, and say why
    shown = command("complexity", model, "--enforce=2024").stdout
    assert "ABOVE" in shown and "2024, 2025: a bias counts at every position" in shown


def test_exit_codes_and_no_tensorflow(model: Path) -> None:
    code = (
        "import sys; from asc_kit.cli import main\n"
        f"sys.argv = ['asc-kit', 'complexity', {str(model)!r}, '--clip-seconds=0.5', '--enforce=2023']\n"
        "try: main()\n"
        "finally: print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 4 and result.stdout.endswith("set()\n")
    assert result.stderr.startswith("Error: rule of DCASE 2023: MACs per second: ")


@pytest.mark.parametrize(
    "options", [("--enforce=2020",), ("--labels=3",), ("--set=epochs=1",), ("--precision=float16",), ("--json=1",)]
)
def test_mistakes_in_the_command(model: Path, options: tuple[str, ...]) -> None:
    assert command("complexity", model, *options).exit_code == 2


def test_a_bundle_says_how_long_its_clips_are(bundle: Path) -> None:
    assert command("complexity", bundle, "--clip-seconds=1").exit_code == 2


def test_what_cannot_be_counted(tmp_path: Path, bundle: Path) -> None:
    assert "no run.json and no bundle.json" in refusal("complexity", tmp_path).message
    for absent in (tmp_path / "absent", tmp_path / "absent.tflite"):
        failure = refusal("complexity", absent)
        assert isinstance(failure, (SpecError, ModelError)) and "does not exist" in failure.message
    text = tmp_path / "model.tflite"
    text.write_text("not a model at all")
    assert "identifier TFL3" in refusal("complexity", text).message
    text.write_bytes((bundle / "model.tflite").read_bytes()[:500])
    assert "damaged" in refusal("complexity", text).message
    assert command("complexity", "no_such_recipe").exit_code == 2


def test_a_bundle_of_another_schema_version(tmp_path: Path) -> None:
    folder = make_tone_bundle(tmp_path / "old")
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(manifest | {"schema_version": 2}))
    for name in ("complexity", "plan"):
        failure = refusal(name, folder)
        assert isinstance(failure, BundleError) and "schema version 2" in failure.message


def square(folder: Path, op: str) -> Path:
    """A model of one convolution and one operator that the engine lacks."""
    builder = ModelBuilder()
    tensors = [builder.activation((1, 4, 4, 3), 0.1, 0) for _ in range(3)]
    weights = builder.constant(np.ones((3, 1, 1, 3), np.int8), 0.01)
    bias = builder.constant(np.zeros(3, np.int32), 0.001)
    strides = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    builder.operator("CONV_2D", [tensors[0], weights, bias], tensors[1], "Conv2DOptions", **strides)
    builder.operator(op, [tensors[1]], tensors[2])
    path = folder / "square.tflite"
    path.write_bytes(builder.finish(tensors[0], tensors[2]))
    return path


def test_the_rules_apply_to_what_the_engine_refuses(tmp_path: Path) -> None:
    found = document("complexity", square(tmp_path, "NEG"))
    assert (found["counts"]["parameters"], found["deployed"]) == (12, None)
    assert "operator 1 NEG" in found["not_deployed"] and "does not take it" in found["not_deployed"]
    assert "deployed: the engine does not take it" in command("complexity", tmp_path / "square.tflite").stdout


def test_an_operator_without_a_rule(tmp_path: Path) -> None:
    failure = refusal("complexity", square(tmp_path, "COS"))
    assert "operator 1 COS, which computes tensor 2" in failure.message
    assert "is not counted by any rule" in failure.message


def test_the_plan_is_the_engine_s(model: Path, bundle: Path) -> None:
    assert document("plan", model) == plan_document(make_plan(read_model(model.read_bytes())))
    assert document("plan", bundle) == document("plan", bundle / "model.tflite")
    text = command("plan", model).stdout
    plan = make_plan(read_model(model.read_bytes()))
    assert f"{len(plan.steps)} steps, {plan.macs:,} MACs, {plan.weight_bytes:,} bytes of constants" in text
    assert f"arena {plan.arena_bytes:,} bytes" in text and f"{plan.liveness_bound_bytes:,}" in text
    assert [line.split()[1] for line in text.splitlines()[1 : len(plan.steps) + 1]] == [
        step.operator.op for step in plan.steps
    ]


def test_a_model_that_the_engine_cannot_run_has_no_plan(tmp_path: Path) -> None:
    failure = refusal("plan", square(tmp_path, "NEG"))
    assert isinstance(failure, ModelError) and "operator 1 NEG" in failure.message
    assert "does not exist" in refusal("plan", tmp_path / "absent.tflite").message
    assert "not a bundle" in refusal("plan", tmp_path).message
