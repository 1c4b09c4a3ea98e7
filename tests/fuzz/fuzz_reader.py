"""Damage models for minutes and see that the generator refuses them in words: no crash, hang or runaway allocation.

    make fuzz [FUZZ_SECONDS=600]          (or: python tests/fuzz/fuzz_reader.py --seconds 600 [--seed N])

With atheris installed, coverage guides the damage (libFuzzer; findings are files crash-* in --out); without it, the
same damage is drawn at random. A finding of the past can be looked at with --file.
"""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))


def guided(seconds: int, seed: int, out: Path) -> None:
    """Fuzz under libFuzzer, which ends the process itself."""
    import atheris

    with atheris.instrument_imports(include=["asc_kit.firmware_gen", "asc_kit.tflite", "tflite"]):
        import damaged_models
        import numpy as np

    folder = out / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    models = damaged_models.corpus()
    for number, model in enumerate(models):
        (folder / f"model-{number:03}.tflite").write_bytes(model)

    def mutate(data: bytes, size: int, mutation_seed: int) -> bytes:
        rng = np.random.default_rng(mutation_seed)
        try:
            made = damaged_models.damaged([bytes(data)], rng) if rng.random() < 0.7 else atheris.Mutate(data, size)
        except Exception:  # what is damaged already is no tree of tables any more
            made = atheris.Mutate(data, size)
        return bytes(made)[:size]

    def one(data: bytes) -> None:
        # for each model anew: the fuzzer's own memory grows with what it has learnt
        with damaged_models.memory_cap():
            damaged_models.judge(data)

    arguments = [sys.argv[0], f"-max_total_time={seconds}", f"-seed={seed}", f"-artifact_prefix={out}/"]
    arguments += ["-max_len=65536", "-timeout=600", "-rss_limit_mb=4096", "-malloc_limit_mb=512", str(folder)]
    atheris.Setup(arguments, one, custom_mutator=mutate)
    atheris.Fuzz()


def at_random(seconds: int, seed: int, out: Path) -> None:
    """Fuzz with damage drawn at random; writes what it finds, and goes on."""
    import damaged_models
    import numpy as np

    models = damaged_models.corpus(per_operator=3)
    counts = {"compiled": 0, "refused": 0, "found": 0}
    end, number = time.monotonic() + seconds, 0
    with damaged_models.memory_cap():
        while time.monotonic() < end:
            data = damaged_models.damaged(models, np.random.default_rng([seed, number]))
            number += 1
            try:
                counts[damaged_models.judge(data)] += 1
            except (damaged_models.FindingError, damaged_models.HangError) as finding:
                counts["found"] += 1
                out.mkdir(parents=True, exist_ok=True)
                path = out / f"crash-{seed}-{number}.tflite"
                path.write_bytes(data)
                print(f"{path}: {finding}", flush=True)
    print(", ".join(f"{count:,} {what}" for what, count in counts.items()))
    sys.exit(1 if counts["found"] else 0)


@click.command()
@click.option("--seconds", default=600, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/fuzz"), show_default=True)
@click.option("--random", "is_random", is_flag=True, help="Do not use atheris.")
@click.option("--file", type=click.Path(path_type=Path, exists=True), help="Judge this file alone.")
def main(seconds: int, seed: int, out: Path, is_random: bool, file: Path | None) -> None:
    """Fuzz the reader and the planner of .tflite files."""
    if file is not None:
        import damaged_models

        try:
            print(damaged_models.judge(file.read_bytes()))
        except (damaged_models.FindingError, damaged_models.HangError):
            traceback.print_exc()
            sys.exit(1)
        return
    try:
        import atheris  # noqa: F401
    except ModuleNotFoundError:
        is_random = True
    (at_random if is_random else guided)(seconds, seed, out)


if __name__ == "__main__":
    main()
