"""Verify every .tflite file of a folder on an emulated board, and print what became of each.

    python tests/verify_folder.py FOLDER [--board NAME] [--count N] [--steps N] [--input-shape NAME=1,49,10,1]
    python tests/verify_folder.py --random 300 --board qemu-mps3-an547

A file is exact, refused with words, or failed: it differs, or its firmware was not built or did not run. `--random`
verifies networks of tests/support/int8_random_networks.py instead, with the seeds from 0, or from `--first`. The exit
code is 4 if a file differs, 1 if another failed, and 0 if all others were refused. `--json` prints a line of JSON for
each file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

from asc_kit.device_runner.verification import verify_model
from asc_kit.errors import AscKitError, ModelError
from asc_kit.hardware.board import Board, load_board
from asc_kit.tflite.inputs import InputShape, parse_input_shape

_EXIT_CODES = {"differs": 4, "failed": 1}


def main() -> int:
    """Verify the files, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="searched with its subfolders")
    parser.add_argument("--board", default="qemu-mps2-an386")
    parser.add_argument("--count", type=int, default=3, help="random inputs, or sequences of them")
    parser.add_argument("--steps", type=int, help="consecutive inferences of each; 20 of a model with state")
    parser.add_argument("--input-shape", type=parse_input_shape, action="append", default=[])
    parser.add_argument("--random", type=int, metavar="N", help="N random networks instead of a folder")
    parser.add_argument("--first", type=int, default=0, help="seed of the first random network")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each file")
    arguments = parser.parse_args()
    if (arguments.folder is None) == (arguments.random is None):
        parser.error("give a folder, or --random N")
    board = load_board(arguments.board)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        seeds = range(arguments.first, arguments.first + (arguments.random or 0))
        for path in _files(arguments.folder) if arguments.folder is not None else _written(seeds, Path(folder)):
            verdict, words = _verify(path, board, arguments.count, arguments.steps, arguments.input_shape)
            counts[verdict] += 1
            record = {"file": path.name, "board": board.name, "verdict": verdict, "words": words}
            print(json.dumps(record) if arguments.json else f"{verdict:8} {path.name}: {words}", flush=True)
    print(", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items())) or "no files", file=sys.stderr)
    return next((code for verdict, code in _EXIT_CODES.items() if counts[verdict]), 0)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.tflite"))


def _written(seeds: range, folder: Path) -> Iterator[Path]:
    """Write random networks, one after the other."""
    from int8_random_networks import random_network

    for seed in seeds:
        path = folder / f"random_{seed}.tflite"
        path.write_bytes(random_network(seed))
        yield path


def _verify(path: Path, board: Board, count: int, steps: int | None, input_shapes: list[InputShape]) -> tuple[str, str]:
    """Return what became of a file, and why."""
    try:
        found = verify_model(path, board, count=count, steps=steps, input_shapes=input_shapes)
    except ModelError as failure:
        return "refused", str(failure)
    except AscKitError as failure:
        return "failed", str(failure)
    except Exception as failure:  # whatever it is, the files after it are verified too
        return "failed", f"{type(failure).__name__}: {failure}"
    if found.differing:
        return "differs", f"{found.differing} of {found.exact + found.differing} inputs; {found.first_difference}"
    return "exact", f"{found.exact} inputs of {found.steps} steps, {found.operators} operators, {found.macs:,} MACs"


if __name__ == "__main__":
    sys.exit(main())
