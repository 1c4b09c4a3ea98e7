"""Do the tests notice small faults? Draws mutations of the sources, and runs the tests that concern each of them.

    .venv/bin/python tests/mutations.py --number 40 --seed 1 [--old COMMIT] [--out mutations.jsonl]

A mutation changes one operator, bound, shift or constant in a copy of the tree. It is killed when a test fails. It
survives when none does: then a test is missing, or the change is equivalent. With --old the tests of that commit are
asked as well, on the same sources: where the file that killed a mutation is the same in both, so is its answer. Run it
by hand after a change of the suite: 40 take an hour or more on two cores. What is in --out is not run again.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("train", "export", "firmware_gen", "device_runner", "boards")
ROOMS: dict[str, tuple[str, ...]] = {
    "firmware_gen/runtime/portable/*.c": ("codegen/test_operators.py", "codegen/test_topologies.py"),
    "firmware_gen/runtime/frontend/*.c": ("codegen/test_frontend_c.py", "codegen/test_frontend_transform.py"),
    "firmware_gen/plan/**/*.py": (
        "unit/test_plan_arena.py", "unit/test_streams.py", "unit/test_memory_map.py", "unit/test_memory_replay.py",
        "unit/test_kernel_sets.py", "codegen/test_topologies.py",
    ),
    "firmware_gen/read/*.py": ("unit/test_reader.py", "unit/test_reader_operators.py", "unit/test_input_shapes.py"),
    "firmware_gen/arithmetic/*.py": (
        "unit/test_requantization.py", "unit/test_signed_sum.py", "unit/test_sums.py", "codegen/test_operators.py",
    ),
    "device_runner/line/[ls]*.py": ("unit/test_link.py", "unit/test_sessions.py", "emulated/test_harness_server.py"),
    "export/quantization/*.py": (
        "pipeline/test_quantization_scheme.py", "pipeline/test_quantization_calibration.py",
        "pipeline/test_corrections.py", "pipeline/test_quantization_writing.py",
        "pipeline/test_quantization_simulation.py", "pipeline/test_fine_tuning.py",
    ),
    "train/fitting/*.py": (
        "pipeline/test_train_losses.py", "pipeline/test_train_schedule.py", "pipeline/test_train_pcgrad.py",
        "pipeline/test_train_session.py", "pipeline/test_train_resume.py",
    ),
}  # fmt: skip
"""Sources, and the test files that concern them, the quickest first."""
PATIENCE_S = 1200
"""For one file of tests; the slowest takes two minutes on an idle machine."""
IN_C = ((" + ", " - "), (" - ", " + "), (" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >> ", " << "),
        (" == ", " != "), (" && ", " || "), (" * ", " + "))  # fmt: skip
IN_PYTHON: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.FloorDiv: ("//", "*"), ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"), ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One change of one line."""

    room: str
    path: str
    line: int
    before: str
    after: str


def mutations_of_c(text: str) -> Iterator[tuple[int, str]]:
    """Yield a line's number and its changed form."""
    in_comment = False
    for number, line in enumerate(text.splitlines()):
        starts, ends = "/*" in line, "*/" in line
        if not (in_comment or starts or line.lstrip().startswith(("#", "//", "*"))):
            for old, new in IN_C:
                for found in re.finditer(re.escape(old), line):
                    yield number, line[: found.start()] + new + line[found.end() :]
        in_comment = (in_comment or starts) and not ends


def mutations_of_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield a line's number and its changed form."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        pairs: list[tuple[ast.expr, ast.AST, ast.expr]] = []
        if isinstance(node, ast.BinOp):
            pairs = [(node.left, node.op, node.right)]
        elif isinstance(node, ast.Compare):
            pairs = [(a, op, b) for a, op, b in zip([node.left, *node.comparators], node.ops, node.comparators)]  # noqa: B905
        elif isinstance(node, ast.BoolOp):
            pairs = [(a, node.op, b) for a, b in zip(node.values, node.values[1:])]  # noqa: B905, RUF007
        for left, operator, right in pairs:
            if type(operator) not in IN_PYTHON or left.end_lineno != right.lineno:
                continue
            old, new = IN_PYTHON[type(operator)]
            line = lines[right.lineno - 1].encode()
            start, end = left.end_col_offset or 0, right.col_offset
            between = line[start:end].decode()
            if between.count(old) == 1:
                changed = line[:start] + between.replace(old, new).encode() + line[end:]
                yield right.lineno - 1, changed.decode()
        is_number = isinstance(node, ast.Constant) and type(node.value) is int and node.end_lineno == node.lineno
        if is_number and isinstance(node, ast.Constant):
            line = lines[node.lineno - 1].encode()
            changed = line[: node.col_offset] + str(int(str(node.value)) + 1).encode() + line[node.end_col_offset :]
            yield node.lineno - 1, changed.decode()


def draw(number: int, seed: int) -> list[Mutation]:
    """Draw mutations, each room's in turn."""
    rng = random.Random(seed)
    rooms: dict[str, list[Mutation]] = {}
    for room in ROOMS:
        possible = []
        for path in sorted(ROOT.glob(room)):
            text, name = path.read_text(), path.relative_to(ROOT).as_posix()
            changes = mutations_of_c(text) if path.suffix == ".c" else mutations_of_python(text)
            before = text.splitlines()
            possible += [
                Mutation(room=room, path=name, line=at + 1, before=before[at], after=after) for at, after in changes
            ]
        rooms[room] = rng.sample(possible, min(len(possible), -(-number // len(ROOMS))))
    turns = [mutation for turn in zip(*rooms.values(), strict=False) for mutation in turn]
    return turns[:number]


def copy_tree(folder: Path) -> None:
    """Copy what git knows, and lay the packages out as they are installed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    package = folder / "installed" / "asc_kit"
    package.mkdir(parents=True)
    for entry in (*(folder / "asc_kit").iterdir(), *(folder / stage for stage in STAGES)):
        (package / entry.name).symlink_to(entry)


def first_failure(folder: Path, tests: Sequence[str], suite: str) -> str | None:
    """Return the test file that fails, or None."""
    for name in tests:
        if not (folder / suite / name).is_file():
            continue
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"{suite}/{name}",
             "-o", f"pythonpath={suite}/support"],
            cwd=folder, env=os.environ | {"PYTHONPATH": str(folder / "installed"), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            is_failure = process.wait(PATIENCE_S) != 0
        except subprocess.TimeoutExpired:
            # a loop without an end is noticed too
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            is_failure = True
        if is_failure:
            return name
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--room", default="", help="of those drawn, only the mutations of rooms with this in their name"
    )
    parser.add_argument("--old", help="a commit whose tests are compared")
    parser.add_argument("--out", type=Path, default=Path("mutations.jsonl"))
    parser.add_argument("--list", action="store_true", help="show the mutations and run nothing")
    arguments = parser.parse_args()
    drawn = [each for each in draw(arguments.number, arguments.seed) if arguments.room in each.room]
    known = [json.loads(line) for line in arguments.out.read_text().splitlines()] if arguments.out.is_file() else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not arguments.list:
            copy_tree(folder)
        if arguments.old and not arguments.list:
            tests = subprocess.run(
                ["git", "archive", arguments.old, "tests"], cwd=ROOT, check=True, capture_output=True
            )
            (folder / "before").mkdir()
            subprocess.run(["tar", "x", "-C", str(folder / "before")], input=tests.stdout, check=True)
            # beside the new ones: tests find the root of the tree two folders above them
            (folder / "before" / "tests").rename(folder / "tests_before")
        for mutation in drawn:
            row = next((row for row in known if row["mutation"] == asdict(mutation)), None)
            if row is None and not arguments.list:
                path = folder / mutation.path
                whole = path.read_text()
                lines = whole.splitlines(keepends=True)
                lines[mutation.line - 1] = mutation.after + "\n"
                path.write_text("".join(lines))
                row = {"mutation": asdict(mutation), "new": first_failure(folder, ROOMS[mutation.room], "tests")}
                if arguments.old:
                    row["old"] = answer_before(folder, mutation, row["new"])
                path.write_text(whole)
                with arguments.out.open("a") as out:
                    out.write(json.dumps(row) + "\n")
            show(mutation, row)


def answer_before(folder: Path, mutation: Mutation, new: str | None) -> str | None:
    """Return what the old suite's tests say; they are run only where their files differ from the new ones."""
    names = ROOMS[mutation.room]
    before, now = ([folder / suite / name for name in names] for suite in ("tests_before", "tests"))
    same = {n for n, a, b in zip(names, before, now, strict=True) if a.is_file() and a.read_bytes() == b.read_bytes()}
    if new in same:
        return new
    return first_failure(folder, [name for name in names if name not in same], "tests_before")


def show(mutation: Mutation, row: dict[str, object] | None) -> None:
    """Print one line of the table, and a survivor's change."""
    words = []
    for suite in ("new", "old"):
        if row is not None and suite in row:
            words.append(f"{suite}: {row[suite] or 'SURVIVED'}")
    print(f"{mutation.path}:{mutation.line}  {'  '.join(words)}", flush=True)
    if row is None or row["new"] is None:
        print(f"    - {mutation.before.strip()}\n    + {mutation.after.strip()}", flush=True)


if __name__ == "__main__":
    main()
