"""What the engine costs on the emulated cores: estimated cycles, executed instructions and bytes, checked bit for bit.

    make bench-engine [BOARDS="NAME …"] [MODELS="NAME|FILE.tflite …"] [PER_OPERATOR=1]

Measures every model on every board and writes one line per core, kernel set and model into benchmarks/engine.jsonl,
which is committed: what changed since by more than 2 % is shown. Lines of models and boards that were not asked for
stay. engine_tables.py puts the table into the documentation. Models are recipes with random weights, made once (this
needs TensorFlow) and kept in build/engine, or files. Cycles are estimated for all parts in boards/parts with the core,
and for those in benchmarks/parts, which differ in what is not known of them for sure.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import click
import mlperf_tiny
import numpy as np
from engine_peers import LEADS, PEERS
from engine_views import functions_table, kinds_table, operators_table, parts_table, results_table
from random_networks import CP_MOBILE
from rich.console import Console

from asc_kit.cli.options import optimize_option
from asc_kit.device_runner.cycles.estimate import Estimate, PartEstimate
from asc_kit.device_runner.cycles.plugin import why_not
from asc_kit.device_runner.cycles.tracing import estimate_run
from asc_kit.device_runner.line.session import Session
from asc_kit.device_runner.verification import booted, compare, random_inputs, reference_of
from asc_kit.errors import AscKitError, ModelError
from asc_kit.firmware import FirmwareManifest
from asc_kit.firmware_gen.kernel_sets import kernel_set_names
from asc_kit.firmware_gen.service import build_model
from asc_kit.hardware.board import Board, KernelSetName, Optimize, load_board
from asc_kit.hardware.core import load_core
from asc_kit.hardware.part import load_part, parts_with

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "benchmarks" / "engine.jsonl"
DOUBTS = ROOT / "benchmarks" / "parts"
M0_PLUS = "cortex-m0plus"
BOARDS = (M0_PLUS, "qemu-mps2-an385", "qemu-mps2-an386", "qemu-mps2-an500", "qemu-mps2-an505", "qemu-mps3-an547")
ALL_WAYS = "qemu-mps2-an386"
# instructions repeat exactly; what a compiler or a model's random weights move stays below
TOLERANCE = 0.02
FAILED = "FAILED: "
# what firmware and figures are made of
KIT = ("asc_kit", "benchmarks", "boards", "device_runner", "firmware_gen")
COSTS = ("cycles", "instructions", "arena_bytes", "stack_bytes", "code_bytes", "weight_bytes")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of engine.jsonl."""

    core: str
    kernels: str
    """Kernel set: portable, dsp or mve."""
    model: str
    macs: int
    instructions: int
    """Of one inference, the most of all inputs."""
    arena_bytes: int
    """Input, activations and line buffers."""
    bound_bytes: int = 0  # lines of earlier commits lack it
    """What any placement of these needs: the plan's `overlap_bound_bytes`. Kernels may read up to 16 bytes more."""
    stack_bytes: int
    """Deepest, the protocol server's frames below the engine included."""
    code_bytes: int
    """Kernels and generated driver, without front end, protocol and C library."""
    weight_bytes: int
    """All constants of the network."""
    bit_identical: bool
    """Whether every output of every input equals that of TFLite's reference kernels."""
    optimize: str = "speed"
    """What it was made for: speed or size."""
    cycles: int = 0
    """Estimated, without wait states; where the core's table is a bracket, its lower end."""
    most_cycles: int = 0
    """The upper end; 0 where there is none."""
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    """Estimated behind the flash of parts: cycles, ms, code_misses, data_misses."""

    @property
    def key(self) -> tuple[str, ...]:
        return self.core, self.kernels, self.model, self.optimize

    @property
    def made(self) -> str:
        """The kernels, and what they are optimized for where that is not speed."""
        return self.kernels if self.optimize == "speed" else f"{self.kernels}, {self.optimize}"


def bench_inputs(n: int) -> list[np.ndarray]:
    """Uniform, normal and saturating bytes, int8 [n] each; cycles are estimated with the first."""
    of_kind = dict(random_inputs(n))
    return [of_kind[kind] for kind in ("uniform", "normal", "saturating")]


def measure(
    model: Path, board: Board, kernels: KernelSetName, optimize: Optimize, folder: Path
) -> tuple[Row, FirmwareManifest, list[int], Estimate | None]:
    """Build, boot and run the firmware of a model; return the line, instructions by operator, and the estimate."""
    built = build_model(model, board, folder, kernels=kernels, optimize=optimize)
    firmware = built.manifest
    assert firmware.image is not None and firmware.memory.code_bytes is not None
    macs = sum(operator.macs for operator in firmware.operators)
    inputs = bench_inputs(built.input_bytes)
    with booted(board, folder / firmware.image) as session:
        found = compare(session, reference_of(built), inputs, macs)
        stack_bytes = session.stats().stack_used_bytes
        session.write_input(inputs[0])
        session.run(macs=macs, profile=True)
        profile = list(session.profile())
    estimate = None if why_not(board) else estimate_cycles(board, folder / firmware.image, inputs[0], macs)
    row = Row(
        core=board.core.title,
        kernels=kernels,
        model=model_name(model),
        macs=macs,
        instructions=max(one.network_time for one in found),
        arena_bytes=firmware.memory.arena_bytes,
        bound_bytes=json.loads((folder / "plan.json").read_text())["overlap_bound_bytes"],
        stack_bytes=stack_bytes,
        code_bytes=firmware.memory.code_bytes,
        weight_bytes=firmware.memory.weight_bytes,
        bit_identical=all(one.is_exact for one in found),
        optimize=optimize,
    )
    if estimate is not None:
        row = replace(
            row,
            cycles=round(estimate.cost.cycles),
            most_cycles=round(estimate.most_cycles or 0),
            parts={one.part.name: part_figures(one) for one in estimate.parts},
        )
    return row, firmware, profile, estimate


def estimate_cycles(board: Board, image: Path, values: np.ndarray, macs: int) -> Estimate:
    """Estimate one inference on all parts with the board's core, and on those that the estimate is doubted with."""

    def work(session: Session) -> None:
        session.write_input(values)
        session.run(macs=macs)

    doubts = [part for part in map(load_part, map(str, sorted(DOUBTS.glob("*.toml")))) if part.core == board.core.name]
    return estimate_run(board, image, [*parts_with(board.core.name), *doubts], work)


def part_figures(found: PartEstimate) -> dict[str, float]:
    cost = found.cost
    return {
        "cycles": round(cost.total),
        "ms": round(found.ms, 3),
        "code_misses": cost.code_misses,
        "data_misses": cost.data_misses,
    }


def board_of(name: str) -> Board:
    """Return a board; cortex-m0plus is the Cortex-M3's machine with code for the smaller core, which it runs too."""
    if name != M0_PLUS:
        return load_board(name)
    board = load_board("qemu-mps2-an385")
    return board.with_core(load_core("cortex-m0plus"))


def find_model(word: str, work: Path) -> Path:
    """Return a file of a model: itself, or a recipe's network, made where it is not there yet."""
    if word.endswith(".tflite"):
        if not Path(word).is_file():
            raise click.UsageError(f"{word} is not a file (names with spaces cannot be given here)")
        return Path(word)
    recipe = ROOT / "train" / "recipes" / f"{'dcase2024_baseline' if word == CP_MOBILE else word}.toml"
    makers = [Path(__file__).with_name("random_networks.py")]
    if word in mlperf_tiny.NETWORKS:
        makers.append(Path(__file__).with_name("mlperf_tiny.py"))
    elif recipe.is_file():
        makers.append(recipe)
    else:
        raise click.UsageError(
            f"{word} is neither a .tflite file, a recipe nor a shape: {', '.join([*recipes(), *mlperf_tiny.NETWORKS])}"
        )
    state = hashlib.sha256(b"".join(path.read_bytes() for path in makers)).hexdigest()[:8]
    path = work / state / f"{word}.tflite"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        subprocess.run([sys.executable, str(makers[0]), word, str(partial)], check=True, stderr=subprocess.DEVNULL)
        partial.replace(path)
    return path


def recipes() -> list[str]:
    return sorted(path.stem for path in (ROOT / "train" / "recipes").glob("*.toml"))


def model_name(path: Path) -> str:
    return path.stem


def read_rows(text: str) -> dict[tuple[str, ...], Row]:
    names = {field.name for field in fields(Row)}
    found = [json.loads(line) for line in text.splitlines()]
    rows = [Row(**{name: value for name, value in line.items() if name in names}) for line in found]
    return {row.key: row for row in rows}


def committed() -> dict[tuple[str, ...], Row]:
    """Return the lines of the last commit; none where there is no such commit."""
    command = ["git", "-C", str(ROOT), "show", f"HEAD:{TABLE.relative_to(ROOT)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return {}
    return read_rows(done.stdout) if done.returncode == 0 else {}


def kit_files() -> dict[Path, tuple[int, int]]:
    """Return when the kit's files were last written, in ns, and their bytes; results and caches apart.

    Python keeps what it has read; C and assembler are read for every firmware. If files change in between, kernels get
    constants of another version's generator, and may compile all the same.
    """
    paths = (path for room in KIT for path in (ROOT / room).rglob("*") if path.suffix not in (".pyc", ".jsonl"))
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in paths if path.is_file()}


def write_rows(new: Iterable[Row], path: Path) -> None:
    """Put lines into the table, in place of earlier ones of the same core, kernels and model."""
    rows = read_rows(path.read_text()) if path.is_file() else {}
    rows |= {row.key: row for row in new}
    path.write_text("".join(json.dumps(asdict(rows[key])) + "\n" for key in sorted(rows)))


def changes(row: Row, before: Row | None) -> list[str]:
    """Say by how much each cost that grew or shrank by more than the tolerance did."""
    if before is None:
        return []
    found = []
    costs = [(name, getattr(before, name), getattr(row, name)) for name in COSTS]
    costs += [
        (f"cycles on {name}", before.parts[name]["cycles"], row.parts[name]["cycles"])
        for name in before.parts.keys() & row.parts.keys()
    ]
    for name, old, new in costs:
        if name == "cycles" and 0 in (old, new):
            continue  # not estimated
        if abs(new - old) > TOLERANCE * old:
            found.append(f"{name} {100 * (new - old) / max(old, 1):+.1f} %")
    return found


def summary(row: Row) -> str:
    lead = row.parts.get(LEADS.get(row.core, ""))
    time = f"estimated {row.cycles:,} cycles, {lead['ms']:.1f} ms on {LEADS[row.core]}; " if lead else ""
    return f"{row.model}, {row.core}, {row.made}: {time}{row.instructions:,} instructions"


def not_measured(path: Path, board: Board, failure: AscKitError) -> str:
    """Say why; that a network does not fit a board is no news, that it is refused or does not answer is."""
    small = isinstance(failure, ModelError) and "does not fit" in failure.message
    return f"{path.stem} on {board.core.title}: {'' if small else FAILED}{failure.message}"


def jobs(
    boards: Sequence[str], models: Iterable[Path], kernels: KernelSetName | None, optimize: Optimize
) -> Iterable[tuple[Path, Board, KernelSetName, Optimize]]:
    for path in models:
        for name in boards:
            board = board_of(name)
            yield path, board, kernels or board.kernels, optimize
            if name == ALL_WAYS and model_name(path) in PEERS and kernels is None and optimize == "speed":
                # what it costs to save flash; and what cores without kernels of their own get, beside the peer's
                yield path, board, board.kernels, "size"
                yield path, board, "portable", optimize


@click.command()
@click.option("--boards", default="", help="Names of boards, with spaces between.  [default: all emulated Cortex-M]")
@click.option("--models", default="", help="Recipes, cp_mobile, mlperf_… or .tflite files.  [default: all but files]")
@click.option("--kernels", type=click.Choice(kernel_set_names()), help="Kernel set.  [default: the boards' own]")
@optimize_option
@click.option("--per-operator", is_flag=True, help="Show every step and kernel too.")
@click.option("--work", type=click.Path(path_type=Path), default=ROOT / "build" / "engine", help="Keeps made models.")
@click.option("--out", type=click.Path(path_type=Path), default=TABLE, help="The table to write.")
def main(
    boards: str,
    models: str,
    kernels: KernelSetName | None,
    optimize: Optimize,
    per_operator: bool,
    work: Path,
    out: Path,
) -> None:
    """Measure the engine; exit code 4 when an output differs from the reference kernels, 1 when a model failed."""
    console = Console(width=None if sys.stdout.isatty() else 170)
    # all of them before the first is measured: a name may be wrong
    paths = [find_model(word, work) for word in models.split() or [CP_MOBILE, *mlperf_tiny.NETWORKS, *recipes()]]
    before, rows, failures = committed(), [], []
    reasons: set[str] = set()
    files = kit_files()
    for path, board, chosen, optimized_for in jobs(boards.split() or BOARDS, paths, kernels, optimize):
        with tempfile.TemporaryDirectory() as folder:
            try:
                row, firmware, profile, found = measure(path, board, chosen, optimized_for, Path(folder) / "firmware")
            except AscKitError as failure:
                failures.append(not_measured(path, board, failure))
                continue
        if changed := sorted({path for path, _ in kit_files().items() ^ files.items()}):
            raise click.ClickException(
                f"{changed[0].relative_to(ROOT)} changed during the measurement, and so may what {path.stem} on "
                f"{board.core.title} was built of; that line is not written. Measure in a checkout that nobody changes."
            )
        rows.append(row)
        write_rows([row], out)
        print(summary(row), file=sys.stderr, flush=True)
        if per_operator:
            lead = next((one for one in found.parts if one.part.name == LEADS[row.core]), None) if found else None
            console.print(operators_table(row, firmware, profile, lead))
            console.print(kinds_table(row, firmware, profile, lead))
            if lead is not None:
                console.print(functions_table(row, lead))
        reason = why_not(board)
        if reason is not None:
            reasons.add(f"instructions only for {board.core.title}: {reason}")
    console.print(parts_table(rows))
    console.print(results_table(rows))
    for text in sorted(reasons):
        console.print(text, soft_wrap=True, markup=False)
    for row in rows:
        for change in changes(row, before.get(row.key)):
            word = "worse" if "+" in change else "better"
            console.print(f"{word} than committed: {row.model} on {row.core}, {row.made} kernels: {change}")
    for left_out in failures:
        console.print(f"not measured: {left_out}", soft_wrap=True, markup=False)
    if not all(row.bit_identical for row in rows):
        sys.exit(4)
    sys.exit(1 if any(FAILED in failure for failure in failures) else 0)


if __name__ == "__main__":
    main()
