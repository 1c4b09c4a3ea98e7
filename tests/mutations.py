"""Do the tests notice small faults? Draws mutations of the sources, and runs the tests that concern each of them.

    .venv/bin/python tests/mutations.py --number 40 --seed 1 [--old COMMIT] [--out mutations.jsonl]

A mutation changes one operator, bound, shift or constant in a copy of the tree. It is killed when a test fails that
passes without it. It survives when none does: then a test is missing, or the change is equivalent. With --old the same
line is changed in that commit's tree, and that commit's tests are asked: they know modules by the names of their time.
Run it by hand after a change of the suite: 40 take an hour or more on two cores. What is in --out is not run again.
"""

from __future__ import annotations

import argparse
import ast
import difflib
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
        "pipeline/test_quantization_bias_correction.py", "pipeline/test_quantization_equalization.py",
    ),
    "train/fitting/*.py": (
        "pipeline/test_train_losses.py", "pipeline/test_train_schedule.py", "pipeline/test_train_pcgrad.py",
        "pipeline/test_train_session.py", "pipeline/test_train_resume.py",
    ),
}  # fmt: skip
"""Sources, and the test files that concern them, the quickest first."""
PATIENCE_S = 1800
"""For a room's tests; the slowest room takes four minutes on an idle machine."""
NOT_THERE = "the line is not there"
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


class Tree:
    """A copy of the sources and their tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failing: list[str] = []
        """Tests that fail without a mutation: they cannot notice one."""
        # The working folder comes first on the path, then PYTHONPATH, and an editable install fills what both lack: a
        # package without its stages would get those of the checkout, which no mutation changes.
        for stage in STAGES:
            (folder / "asc_kit" / stage).symlink_to(folder / stage)
        self.environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        names = ["asc_kit", *(f"asc_kit.{stage}" for stage in STAGES if (folder / stage / "__init__.py").is_file())]
        program = f"import {', '.join(names)}; print({', '.join(f'{name}.__file__' for name in names)}, sep='\\n')"
        for place in (folder, Path("/")):
            found = subprocess.run(
                [sys.executable, "-c", program],
                cwd=place,
                env=self.environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            if not all(line.startswith(str(folder)) for line in found.splitlines()):
                raise SystemExit(f"tests would import other sources than {folder}:\n{found}")

    def killer(self, mutation: Mutation, path: Path, at: int) -> str | None:
        """Return the first test that fails with one line changed, and passes without that."""
        whole = path.read_text()
        lines = whole.splitlines(keepends=True)
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines[at] = indent + mutation.after.strip() + "\n"
        files = [f"tests/{name}" for name in ROOMS[mutation.room] if (self.folder / "tests" / name).is_file()]
        # those that bear the name of the file first: most mutations are seen by them
        word = re.sub(r"^asc_|(_\d+x\d+)?(_row)?(_[sf]\d+)?$", "", path.stem)
        while True:
            options = ["-x", *(f"--deselect={each}" for each in self.failing), *files]
            path.write_text("".join(lines))
            try:
                failed = self._run(["-k", word, *options]) or self._run(options)
            finally:
                path.write_text(whole)
            if failed is None or "::" not in failed or self._run([failed]) is None:
                return failed
            self.failing.append(failed)

    def _run(self, arguments: Sequence[str]) -> str | None:
        """Return the first test that fails, or how pytest ended."""
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", "--tb=no", *arguments],
                cwd=self.folder, env=self.environment, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
            try:
                status = process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                # a loop without an end is noticed too
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return "no end"
            output.seek(0)
            failed = re.search(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", output.read(), re.MULTILINE)
        if failed:
            return failed[1]
        # 5: nothing was left to run
        return f"pytest ends with {status}" if status not in (0, 5) else None


def copy_checkout(folder: Path) -> Tree:
    """Copy what git knows of this checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return Tree(folder)


def copy_commit(folder: Path, commit: str) -> Tree:
    """Lay out the tree of a commit."""
    folder.mkdir()
    files = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "x", "-C", str(folder)], input=files, check=True)
    return Tree(folder)


def renamed_since(commit: str) -> dict[str, str]:
    """Return the former names of files, by their names now."""
    command = ["git", "diff", "--name-status", "-M30%", "--diff-filter=R", commit]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {new: old for _, old, new in (line.split("\t") for line in lines)}


def place_before(old: Path, mutation: Mutation, former: dict[str, str]) -> tuple[Path, int] | None:
    """Find the mutated line in an earlier tree: in the file of that time, or wherever it stands once."""
    path = old / former.get(mutation.path, mutation.path)
    now = [line.strip() for line in (ROOT / mutation.path).read_text().splitlines()]
    if path.is_file():
        before = [line.strip() for line in path.read_text().splitlines()]
        for block in difflib.SequenceMatcher(None, now, before, autojunk=False).get_matching_blocks():
            if block.a <= mutation.line - 1 < block.a + block.size:
                return path, block.b + mutation.line - 1 - block.a
    hits = [
        (each, at)
        for stage in (*STAGES, "asc_kit")
        for each in sorted((old / stage).rglob(f"*{path.suffix}"))
        for at, line in enumerate(each.read_text().splitlines())
        if line.strip() == mutation.before.strip()
    ]
    return hits[0] if len(hits) == 1 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--room", action="append", help="of those drawn, only the mutations of rooms with this in their name"
    )
    parser.add_argument("--old", help="a commit whose tests are compared")
    parser.add_argument("--out", type=Path, default=Path("mutations.jsonl"))
    parser.add_argument("--list", action="store_true", help="show the mutations and run nothing")
    arguments = parser.parse_args()
    rooms = arguments.room or [""]
    drawn = [each for each in draw(arguments.number, arguments.seed) if any(room in each.room for room in rooms)]
    known = [json.loads(line) for line in arguments.out.read_text().splitlines()] if arguments.out.is_file() else []
    rows = {Mutation(**row["mutation"]): row for row in known}
    if not arguments.list:
        former = renamed_since(arguments.old) if arguments.old else {}
        with tempfile.TemporaryDirectory() as name:
            new = copy_checkout(Path(name).resolve() / "new")
            old = copy_commit(Path(name).resolve() / "old", arguments.old) if arguments.old else None
            for mutation in drawn:
                if mutation in rows:
                    continue
                killed_by = new.killer(mutation, new.folder / mutation.path, mutation.line - 1)
                row: dict[str, object] = {"mutation": asdict(mutation), "new": killed_by}
                if old:
                    place = place_before(old.folder, mutation, former)
                    row["old"] = old.killer(mutation, *place) if place else NOT_THERE
                rows[mutation] = row
                with arguments.out.open("a") as out:
                    out.write(json.dumps(row) + "\n")
                show(mutation, row)
            for suite, tree in (("new", new), ("old", old)):
                for each in tree.failing if tree else ():
                    print(f"{suite}: {each} fails without a mutation, and was left out")
    summarize(drawn, rows, is_listed=arguments.list)


def show(mutation: Mutation, row: dict[str, object] | None) -> None:
    """Print one line of the table, and a survivor's change."""
    words = []
    for suite in ("new", "old"):
        if row is not None and suite in row:
            words.append(f"{suite}: {row[suite] or 'SURVIVED'}")
    print(f"{mutation.path}:{mutation.line}  {'  '.join(words)}", flush=True)
    if row is None or row["new"] is None:
        print(f"    - {mutation.before.strip()}\n    + {mutation.after.strip()}", flush=True)


def summarize(drawn: Sequence[Mutation], rows: dict[Mutation, dict[str, object]], *, is_listed: bool) -> None:
    """Print all that is known, and how many each suite kills, room by room."""
    print()
    for mutation in drawn:
        if is_listed or mutation in rows:
            show(mutation, rows.get(mutation))
    print("\nroom: killed by new, old / mutations that both could see")
    for room in dict.fromkeys(mutation.room for mutation in drawn):
        asked = [rows[each] for each in drawn if each.room == room and each in rows]
        both = [row for row in asked if row.get("old") != NOT_THERE]
        killed = [sum(row.get(suite) is not None for row in both) for suite in ("new", "old")]
        print(f"{room}: {killed[0]}, {killed[1]} / {len(both)}, {len(asked) - len(both)} more in new code")


if __name__ == "__main__":
    main()
