"""Goldens of the records on disk: one file of each kind in each schema version there has been, in ``tests/goldens``.

``python tests/support/record_goldens.py`` writes those of today's versions. What is there already is left alone: a
golden is what the kit of its time wrote, and no later kit can write it again.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from inspection_case import made_up_inspection
from sample_evaluation import perfect_evaluation
from sample_result import sample_result
from tone_bundle import FRONTEND, LABELS, make_tone_bundle
from tone_variants import add_variants, variant_model

from asc_kit.bundle import Bundle, BundleManifest
from asc_kit.challenge_rules import NetworkCounts, Storage, check_rules
from asc_kit.dataset.pins import PinnedFile, Pins
from asc_kit.device_runner.attack.report import AttackReport, KindReport
from asc_kit.device_runner.cycles.report import CostRecord, CyclesRecord, PartCycles
from asc_kit.device_runner.line.link import LinkStatistics
from asc_kit.export.inspection.document import Inspection
from asc_kit.firmware import FirmwareManifest
from asc_kit.firmware_gen.generate import generate
from asc_kit.hardware.board import BoardSpec, load_board
from asc_kit.hardware.core import CoreSpec
from asc_kit.hardware.part import PartSpec
from asc_kit.hardware.places import boards_folder
from asc_kit.outputs.inventory import Inventory
from asc_kit.quantization import QuantizationSettings
from asc_kit.records.migration import version_of
from asc_kit.records.record import write_json
from asc_kit.result import BenchmarkResult
from asc_kit.run import RunManifest
from asc_kit.scores.evaluation import Evaluation
from asc_kit.train.complexity.counting import LayerComplexity
from asc_kit.train.complexity.report import ComplexityReport
from asc_kit.train.evaluation.checkpoints import CheckpointRecord
from asc_kit.train.evaluation.document import EvaluationDocument, GroupRecord, MeanSd, ModelRecord
from asc_kit.train.recipe import Recipe, load_recipe, resolved, write_recipe

GOLDENS = Path(__file__).parents[1] / "goldens"


def current(cls: type) -> Any:
    """Today's version of a record, for a field that is a Literal of it."""
    return version_of(cls)


def write_bundle(path: Path) -> None:
    """A bundle of one label to a clip, with both variants."""
    make_tone_bundle(path.parent)
    bundle = Bundle.open(path.parent)
    add_variants(path.parent, {name: variant_model(bundle, name) for name in ("float16", "dynamic_range")})


def write_tagger(path: Path) -> None:
    """A bundle of any number of labels to a clip."""
    make_tone_bundle(
        path.parent, replace(FRONTEND, standardize="clip", delta_width=5), task="multi_label", hop_samples=800
    )


def write_run(path: Path) -> None:
    """A run's manifest, all fields filled."""
    recipe = load_recipe("micro_1m")
    manifest = RunManifest(
        schema_version=current(RunManifest), asc_kit="0.1.0", tools={"tensorflow": "2.21.0", "python": "3.11.7"},
        name=recipe.name, recipe=resolved(recipe), seed=7, labels=LABELS, frontend=recipe.frontend,
        task="single_label", output_activation="logits", quantization=QuantizationSettings(method="qat"),
        hop_samples=4000, data_root="/data/Straße und Plätze", class_map="classes.csv", train_split="train",
        train_data_id="0" * 16, train_clips=300, train_windows=600, train_recording_devices=("a", "b"),
        test_split="test", warm_start="/runs/one", teacher="/runs/two", workers=2, parameters=12_345, macs=1_000_000,
        epochs=3, train_seconds=61.5, evaluation=perfect_evaluation(LABELS),
    )  # fmt: skip
    write_json(path, manifest)


def write_result(path: Path) -> None:
    """A benchmark of scenes, in audio mode."""
    write_json(path, sample_result(clips=36))


def write_tagging_result(path: Path) -> None:
    """A benchmark of tags, in features mode, two windows to a clip."""
    write_json(path, sample_result(2, clips=36, mode="features", unit="ns", task="multi_label"))


def write_board(path: Path) -> None:
    """A board with everything a board can have."""
    shutil.copy(boards_folder() / "qemu-mps2-an386" / "board.toml", path)


def write_firmware(path: Path) -> None:
    """What generation says of itself, not built."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_tone_bundle(Path(folder) / "bundle")
        generate(Bundle.open(bundle), load_board("qemu-mps2-an386"), Path(folder) / "firmware")
        shutil.copy(Path(folder) / "firmware" / "firmware.json", path)


def write_recipe_file(path: Path) -> None:
    """A recipe with two tasks and strides, all values written out."""
    write_recipe(load_recipe("dsmn_model1"), path)


def write_pins(path: Path) -> None:
    """Pins of two split files."""
    pinned = PinnedFile(sha256="ab" * 32, clips=3, source="https://example.org/split5.csv")
    write_json(path, Pins(files={"split5.csv": pinned, "test.csv": replace(pinned, source="local")}))


def write_evaluation(path: Path) -> None:
    """An evaluation of one model."""
    found = perfect_evaluation(LABELS)
    assert isinstance(found, Evaluation)
    model = ModelRecord(
        path="runs/one", name="tones", kind="float", seed=1, train_split=None, train_data_id="0" * 16, group="tones",
        evaluation=found,
    )  # fmt: skip
    shares = {"a": MeanSd(mean=1.0, sd=None)}
    group = GroupRecord(title="tones", runs=1, figures=shares, per_label=shares, per_recording_device=shares)
    write_json(
        path,
        EvaluationDocument(
            schema_version=current(EvaluationDocument), asc_kit="0.1.0", split="test", data_id=found.data_id,
            models=(model,), groups=(group,),
        ),
    )  # fmt: skip


def write_checkpoint(path: Path) -> None:
    """A checkpoint's evaluation, of tags."""
    found = perfect_evaluation(LABELS, "multi_label")
    record = CheckpointRecord(
        schema_version=current(CheckpointRecord), epoch=3, weights_sha256="cd" * 32, evaluation=found
    )
    write_json(path, record)


def write_complexity(path: Path) -> None:
    """What ``asc-kit complexity --json`` says."""
    counts = NetworkCounts(
        trained=False, parameters=1539, running_statistics=0, nonzero_parameters=1539,
        storage=(Storage(precision="int8", parameter_bytes=1548, nonzero_bytes=1500),), macs=1536, macs_2022=1539,
        seconds=0.5,
    )  # fmt: skip
    layer = LayerComplexity(
        name="logits", kind="FULLY_CONNECTED", input_shape=(512,), output_shape=(3,), parameters=1539,
        parameter_bytes=1548, nonzero_parameters=1500, macs=1536, macs_2022=1539,
    )  # fmt: skip
    report = ComplexityReport(
        kind="model", name="tones", counts=counts, layers=(layer,), rules=check_rules(counts), float_network=None,
        deployed=None, not_deployed="asc-kit plan needs the Python package tflite",
    )  # fmt: skip
    write_json(path, report)


def write_inspection(path: Path) -> None:
    """What ``asc-kit inspect --json`` says."""
    write_json(path, made_up_inspection())


def write_part(path: Path) -> None:
    """A part with caches and checked estimates."""
    shutil.copy(boards_folder() / "parts" / "stm32l4r5.toml", path)


def write_core(path: Path) -> None:
    """A core with everything a core can have."""
    shutil.copy(boards_folder() / "cores" / "cortex-m4.toml", path)


def write_inventory(path: Path) -> None:
    """What the kit has written into a folder."""
    write_json(path, Inventory(written={"bundle": {"bundle.json": "ab" * 32, "golden/clip00.npz": "cd" * 32}}))


def write_cycles(path: Path) -> None:
    """Estimated cycles of one part."""
    cost = CostRecord(
        name="0 CONV_2D", instructions=10, cycles_without_waits=12, cycles=15, code_misses=1, data_misses=2
    )
    part = PartCycles(
        part="stm32l4r5", title="STM32L4R5", accuracy="not checked", clock_hz=120_000_000, estimated_ms=0.125,
        total=cost, operators=(cost,), functions=(cost,),
    )  # fmt: skip
    record = CyclesRecord(
        schema_version=current(CyclesRecord), board="qemu-mps2-an386", core="Cortex-M4F", model_sha256="ab" * 32,
        firmware_id="0" * 16, most_cycles_without_waits=None, parts=(part,),
    )  # fmt: skip
    write_json(path, record)


def write_attack(path: Path) -> None:
    """What ``asc-kit verify-link --json`` says."""
    kind = KindReport(name="bit_flip", meaning="one bit is another", injected=9, recovered=8, refused=1, wrong=0)
    report = AttackReport(
        schema_version=current(AttackReport), board="qemu-mps2-an386", port="/dev/pts/3", model_sha256="ab" * 32,
        firmware_id="0" * 16, seed=7, every=20.0, faults=9, frames=180, sessions=2, sessions_completed=1, clips=14,
        clips_right=13, clips_wrong=0, clips_refused=1, clips_lost=0, clips_doubled=0, board_faults=0, seconds=3.5,
        kinds=(kind,), words={"NoAnswerError: the board did not answer": 1},
        link=LinkStatistics(requests=100, retries=8, bytes_sent=9000, bytes_received=8000, frames_dropped=5),
    )  # fmt: skip
    write_json(path, report)


Writer = Callable[[Path], None]
KINDS: dict[str, tuple[type, Writer]] = {
    "bundle/bundle.json": (BundleManifest, write_bundle),
    "tagger/bundle.json": (BundleManifest, write_tagger),
    "run.json": (RunManifest, write_run),
    "results.json": (BenchmarkResult, write_result),
    "tagging_results.json": (BenchmarkResult, write_tagging_result),
    "board.toml": (BoardSpec, write_board),
    "firmware.json": (FirmwareManifest, write_firmware),
    "stm32l4r5.toml": (PartSpec, write_part),
    "cortex-m4.toml": (CoreSpec, write_core),
    "asc-kit.json": (Inventory, write_inventory),
    "attack.json": (AttackReport, write_attack),
    "cycles.json": (CyclesRecord, write_cycles),
    "recipe.toml": (Recipe, write_recipe_file),
    "splits.json": (Pins, write_pins),
    "evaluation.json": (EvaluationDocument, write_evaluation),
    "epoch_0003.json": (CheckpointRecord, write_checkpoint),
    "complexity.json": (ComplexityReport, write_complexity),
    "inspection.json": (Inspection, write_inspection),
}
"""File -> its record, and what writes it."""


def golden(name: str, version: int) -> Path:
    """Where the golden of a file in one version is: the version is part of the first name."""
    first, *rest = Path(name).parts
    place = Path(first)
    return GOLDENS / place.with_stem(f"{place.stem}-{version}") / Path(*rest)


def goldens() -> list[tuple[Path, type]]:
    """All goldens there are, of all versions, with their record."""
    found: list[Any] = []
    for name, (cls, _) in KINDS.items():
        paths = (golden(name, version) for version in range(1, (version_of(cls) or 1) + 1))
        found.extend((path, cls) for path in paths if path.is_file())
    return found


def write_missing() -> list[Path]:
    """Write the goldens of today's versions that are not there yet, and return their paths."""
    written = []
    for name, (cls, write) in KINDS.items():
        path = golden(name, version_of(cls) or 1)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)
            written.append(path)
    return written


if __name__ == "__main__":
    sys.stdout.writelines(f"{path}\n" for path in write_missing())
