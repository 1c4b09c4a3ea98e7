"""What the DCASE 2024 baseline costs on the emulated Cortex-M4F, beside its peer: instructions and bytes.

    make benchmark            (or: python benchmarks/cp_mobile_on_board.py [--bundle BUNDLE --data DIR])

Counts do not depend on how well a model is trained, so without a bundle one epoch on a few synthetic clips makes one.
Prints a Markdown table: executed instructions and bytes, no times.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import click

from asc_kit.records import read_record
from asc_kit.result import BenchmarkResult

# TensorFlow Lite Micro (August 2026) with CMSIS-NN (July 2026), GCC 12.2 -O2, the same network and the same emulated
# core: title, instructions, arena, code, weights (the flatbuffer)
PEERS = (
    ("TensorFlow Lite Micro, CMSIS-NN kernels", 93_900_000, 224_084, 46_496, 109_504),
    ("TensorFlow Lite Micro, reference kernels", 373_700_000, 224_084, None, 109_504),
)


def asc_kit(*arguments: object) -> None:
    command = [sys.executable, "-P", "-m", "asc_kit", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def row(
    title: str, instructions: float, macs: int, arena: int, code: int | None, weights: int | None, exact: str
) -> str:
    sizes = " | ".join("–" if size is None else f"{size:,}" for size in (arena, code, weights))
    return f"| {title} | {instructions / 1e6:.1f} M | {instructions / macs:.2f} | {sizes} | {exact} |"


@click.command()
@click.option(
    "--bundle", type=click.Path(path_type=Path, exists=True), help="Measure this bundle instead of a fresh one."
)
@click.option("--data", type=click.Path(path_type=Path, exists=True), help="Its data set.")
@click.option("--board", default="qemu-mps2-an386", show_default=True)
@click.option("--clips", default=9, show_default=True, help="Clips to run.")
def main(bundle: Path | None, data: Path | None, board: str, clips: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if bundle is None or data is None:
            data, bundle = work / "data", work / "bundle"
            asc_kit("data", "synth", "--out", data, "--clips", 300)
            # TFLite's own average pool on the shortcut, which the peer was measured with
            train = ("train", "dcase2024_baseline", "--data", data, "--out", work / "run", "--epochs", 1)
            asc_kit(*train, "--set", "count_padding=false")
            asc_kit("export", work / "run", "--out", bundle)
        measured = {}
        for mode in ("features", "audio"):
            out = work / mode
            asc_kit("bench", bundle, "--board", board, "--data", data, "--mode", mode, "--limit", clips, "--out", out)
            measured[mode] = read_record(BenchmarkResult, out / "results.json")
    result, audio = measured["features"], measured["audio"]
    memory = result.memory
    print(f"\n{result.name}, {result.macs:,} MACs, {result.board}, unit: {result.latency.unit}\n")
    print("| engine | per inference | per MAC | arena | code | weights | bit-identical |")
    print("|---|---:|---:|---:|---:|---:|---|")
    exact = f"{result.bit_identical + audio.bit_identical} of {result.clips + audio.clips} clips"
    ours = (result.latency.median, result.macs, memory.arena_bytes, memory.code_bytes, memory.weight_bytes)
    print(row("asc-kit, portable C", *ours, exact))
    for title, instructions, arena, code, weights in PEERS:
        print(row(title, instructions, result.macs, arena, code, weights, "yes"))
    frontend = audio.latency.frontend
    if frontend is not None:
        print(
            f"\nFront end: {frontend.median / 1e6:.1f} M per clip, {audio.memory.frontend_bytes:,} bytes of RAM; "
            f"{audio.feature_mismatch_share:.3%} of the features differ from NumPy's, "
            f"by {audio.feature_lsb_max} LSB at most. Stack: {audio.memory.stack_bytes:,} bytes."
        )


if __name__ == "__main__":
    main()
