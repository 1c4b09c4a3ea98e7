"""Constants that documents quote from code: a row ties a sentence to the code; it fails when either changes."""

from __future__ import annotations

import ast
import json
import math
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = {0.25: "a quarter", 0.5: "half", 1: "one", 2: "two", 3: "three", 5: "five", 10: "ten"}


class Module(dict[str, Any]):
    """The names of a module, evaluated when asked for: nothing is imported, so TensorFlow is not needed."""

    def __init__(self, path: str) -> None:
        super().__init__(np=np, math=math, WORDS=WORDS)
        self._nodes: dict[str, ast.expr] = {}
        self._classes = set()
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                self._classes.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                self._nodes[node.target.id] = node.value
            elif isinstance(node, ast.Assign):
                (target,) = node.targets
                if isinstance(target, ast.Name):
                    self._nodes[target.id] = node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    names = (name.id for name in target.elts if isinstance(name, ast.Name))
                    self._nodes |= dict(zip(names, node.value.elts, strict=True))

    def __missing__(self, name: str) -> Any:
        if name in self._classes:
            return SimpleNamespace
        if name not in self._nodes:
            raise KeyError(name)
        self[name] = evaluate(ast.unparse(self._nodes[name]), self)
        return self[name]


def evaluate(expression: str, module: Module) -> Any:
    return eval(compile(expression, "<document>", "eval"), {"__builtins__": __builtins__}, module)


def plain(document: str) -> str:
    """Return a document's text with single spaces, without emphasis."""
    return re.sub(r"\s+", " ", (ROOT / "docs" / document).read_text(encoding="utf-8").replace("**", ""))


DRAFTS, MEMORY = "firmware_gen/plan/drafts.py", "firmware_gen/plan/search.py"
PARTITION = "firmware_gen/plan/streams/partition.py"
SEARCH, FORMS = "firmware_gen/arithmetic/requantization_search.py", "firmware_gen/kernel_sets/dsp/forms.py"
READER, STREAM = "firmware_gen/read/reader.py", "firmware_gen/plan/streams/stream.py"
SCHEME, TUNING = "export/quantization/scheme.py", "export/quantization/fine_tuning.py"
AFFINE = "export/network/affine.py"
CALIBRATION, RULES = "export/quantization/calibration.py", "export/inspection/suggestions.py"
LIMITS, TABLES = "asc_kit/challenge_rules.py", "firmware_gen/frontend/tables.py"
DOCUMENTS, VERDICT = "asc_kit/records/documents.py", "device_runner/listening/verdict.py"
SIGNALS, LISTENER = "export/inspection/signals.py", "device_runner/listening/listener.py"
IMPULSES, TIMES = "train/augmentation/impulse_responses.py", "device_runner/bench/times.py"

# document, what it says with a place for each figure, the module, and an expression of its names for each
QUOTED = [
    ("engine/design.md", "Within {:.0f} % of that peak", DRAFTS, "100 * _LARGER - 100"),
    ("engine/design.md", "whose arena is within {:.0f} % of the smallest", DRAFTS, "100 * _LARGER - 100"),
    ("engine/design.md", "allowed arena at {:.0f} % above its own", MEMORY, "100 * _THAN_USUAL - 100"),
    (
        "engine/design.md",
        "every byte above {:.0f}, {:.0f}, {:.0f}, {:.0f} and {:.0f} % of the peak",
        PARTITION,
        *(f"100 * _SHARES[{index}]" for index in range(1, 6)),
    ),
    ("engine/design.md", "from 0 to below 2^{:.0f}", SEARCH, "math.log2(_ADDENDS)"),
    ("engine/design.md", "or up to {} away from it", SEARCH, "max(_MULTIPLIER_STEPS)"),
    ("engine/design.md", "any s ≤ {}, any range", SEARCH, "LARGEST_SHIFT"),
    (
        "engine/design.md",
        "; s = {}, or {} for depthwise kernels), 4 in the *signed* form (s = {}, convolutions only)",
        FORMS,
        "CONVOLUTION[0].shift",
        "DEPTHWISE[0].shift",
        "CONVOLUTION[1].shift",
    ),
    ("engine/design.md", "with p = {} there are {} values", FORMS, "_RAISE", "1 << _RAISE"),
    ("engine/design.md", "end with {} spare bytes", "firmware_gen/network/row_call.py", "OVER_READ"),
    (
        "engine/design.md",
        "up to {} × {} lies in {} bytes",
        "firmware_gen/kernel_sets/mve/depthwise_conv_2d.py",
        "_QUAD",
        "_QUAD",
        "_QUAD ** 2",
    ),
    ("engine/use.md", "more than {} operators", READER, "_MOST_OPERATORS"),
    ("engine/use.md", "more than 2^{:.0f} elements", READER, "math.log2(_LARGEST_ELEMENTS)"),
    ("engine/use.md", "more than {} times the file's size", READER, "_LARGEST_SHARING"),
    ("engine/use.md", "windows over more than {:,} rows", STREAM, "LARGEST_COUNT"),
    ("engine/use.md", "up to {} loops", "firmware_gen/network/strides.py", "{4: 'four'}[LOOPS]"),
    (
        "engine/use.md",
        "MEAN of more than {} million values",
        "firmware_gen/operators/reduce.py",
        "2 ** 31 // _LARGEST_TERM // 10 ** 6",
    ),
    (
        "engine/use.md",
        "output scale 1/{:.0f}; any number of classes",
        "export/network/operators/softmax.py",
        "1 / _SCALE",
    ),
    ("bare_models.md", "up to {:,} weights", "firmware_gen/kernel_sets/dsp/convolution.py", "_WIDE_WEIGHTS"),
    ("quantization.md", "A range narrower than {} contains", AFFINE, "'1e-7' if _LEAST_RANGE == 1e-7 else None"),
    ("quantization.md", "scale_w[c] = max |w[c]| / {}, q_w", SCHEME, "WEIGHT_MAX"),
    ("quantization.md", "(scale_in · 2^{:.0f})", SCHEME, "math.log2(BIAS_MAX)"),
    ("quantization.md", "(high − low) / {})", AFFINE, "_STEPS"),
    ("quantization.md", "activation in {:,} equal bins", CALIBRATION, "_BINS"),
    ("quantization.md", "tried in turns, {} times", CALIBRATION, "WORDS[_ROUNDS]"),
    (
        "quantization.md",
        "each at {} shares of its extreme from {:.0f} % to {:.0f} %",
        CALIBRATION,
        "len(_SHARES)",
        "100 * _SHARES[0]",
        "100 * _SHARES[-1]",
    ),
    ("quantization.md", "t_i = S(2^{} · ", "firmware_gen/operators/add.py", "LEFT_SHIFT"),
    (
        "quantization.md",
        "an M below 2^−{:.0f} counts as 0",
        "export/network/operators/rounding.py",
        "-math.log2(_LEAST_FACTOR)",
    ),
    (
        "quantization.md",
        "over at most {} representative clips",
        "export/quantization/bias_correction.py",
        "_MOST_INPUTS",
    ),
    ("quantization.md", "both are at least {}", "export/quantization/equalization.py", "_LEAST_SHARE"),
    ("quantization.md", "In the first {} of the steps", TUNING, "WORDS[_FROZEN_AFTER]"),
    ("quantization.md", "A_t−1 + {:.2f} · (reached_t", TUNING, "1 - _MOMENTUM"),
    (
        "quantization.md",
        "A_{0}, 1/{1:.0f}, {1:.0f}), A_{0} the mean of the first {0} steps",
        TUNING,
        "_FIRST_STEPS",
        "_MOST_CHANGE",
    ),
    ("frontend.md", "by more than {} LSB", "asc_kit/result.py", "FEATURE_TOLERANCE_LSB"),
    ("frontend.md", "more than {:.0f} % of all values", "asc_kit/result.py", "100 * FEATURE_TOLERANCE_SHARE"),
    ("frontend.md", "max(std(x), {})", "asc_kit/frontend/spec.py", "STD_FLOOR"),
    ("frontend.md", "The divisor is at least {}", "asc_kit/frontend/spec.py", "STD_FLOOR"),
    ("frontend.md", "an `n_fft` above {:,}", TABLES, "_LARGEST_N_FFT"),
    ("frontend.md", "a `log_offset` below {:.1e}", TABLES, "float(np.finfo(np.float32).tiny)"),
    ("inspect.md", "{} clips of the test split", "export/commands/inspect.py", "_CLIPS"),
    ("inspect.md", "more than {:.0f} % of other classes", RULES, "100 - 100 * SAME_CLASS"),
    ("inspect.md", "at most the costliest {}", RULES, "WORDS[_MOST_LAYERS]"),
    ("inspect.md", "int8 loses more than {:.1f} points", RULES, "100 * LOST_SCORE"),
    (
        "inspect.md",
        "less than {:.0f} % of the classes, more than {} inputs",
        RULES,
        "100 * SAME_CLASS",
        "WORDS[_MOST_TIES]",
    ),
    ("inspect.md", "more than {:.0f} % clipped, alone below {:.0f} dB", RULES, "100 * CLIPPED", "LOW_DB"),
    ("inspect.md", "within {} of the range reached", RULES, "WORDS[OUTLIERS]"),
    ("inspect.md", "{:.1f} % of the values within", SIGNALS, "100 * (_INNER[1] - _INNER[0])"),
    ("inspect.md", "from outliers to unreached apply below {:.0f} dB", RULES, "FAIR_DB"),
    ("inspect.md", "differ by more than {:.0f} times", RULES, "CHANNELS"),
    ("inspect.md", "constant share more than {}", RULES, "WORDS[CONSTANT]"),
    ("inspect.md", "more than {} of the range never reached", RULES, "WORDS[UNREACHED]"),
    ("inspect.md", "falls by more than {:.0f} dB, to less than {:.0f} dB", RULES, "FALL_DB", "FAIR_DB"),
    ("inspect.md", "never below −{:.0f}", SIGNALS, "-_LEAST_DB"),
    ("inspect.md", "of the lowest {}th", SIGNALS, "WORDS[1 / _QUIET_CHANNELS]"),
    ("complexity.md", "{:,} bytes (128 KiB)", LIMITS, "NONZERO_BYTES_2021"),
    ("complexity.md", "{:,} parameters, in int8", LIMITS, "PARAMETERS_2022"),
    ("complexity.md", "2024, 2025 | {:,} bytes", LIMITS, "PARAMETER_BYTES_2024"),
    ("complexity.md", "{:,} MACs per second of audio", LIMITS, "MACS"),
    ("cycles.md", "of version {} to {}", "device_runner/cycles/plugin.py", "_FIRST_QEMU", "_LAST_QEMU"),
    ("variants.md", "Weights beyond {:,.0f} in float16", SCHEME, "float(np.finfo(np.float16).max)"),
    ("records.md", "{} MiB of JSON, {} KiB of TOML", DOCUMENTS, "MAX_JSON_BYTES >> 20", "MAX_TOML_BYTES >> 10"),
    ("live.md", "below −{:.0f} dBFS; 16-bit", VERDICT, "-QUIETEST_DBFS"),
    ("live.md", "n channels is {:.0f} dB + 10 log n", VERDICT, "CANCELLATION_DB"),
    ("live.md", "more than {:.0f} times full scale", VERDICT, "LARGEST"),
    ("live.md", "for half a window, {} to {:.0f} s", VERDICT, "_SHORTEST_SPAN_S", "_LONGEST_SPAN_S"),
    ("live.md", "bit for bit, up to {:.0f} s long", VERDICT, "_LONGEST_PERIOD_S"),
    ("live.md", "nothing for {:.0f} s;", LISTENER, "_PATIENCE_S"),
    ("live.md", "after {:.0f} s the source is opened", "device_runner/listening/microphone.py", "_GIVE_UP_S"),
    ("live.md", "the queue ({:.0f} s)", "device_runner/listening/microphone.py", "_QUEUE_S"),
    (
        "live.md",
        "Otherwise it tries {:,} Hz, {:,} Hz",
        "device_runner/listening/microphone.py",
        "_USUAL_RATES_HZ[0]",
        "_USUAL_RATES_HZ[1]",
    ),
    ("live.md", "less than {} s`", "device_runner/listening/sample_clock.py", "_LATE_S"),
    ("benchmark.md", "plus {:.0f} % and {:.0f} ms", TIMES, "100 * CLOCK_TOLERANCE", "1000 * SLACK_S"),
    ("benchmark.md", "below {} kHz", TIMES, "SLOWEST_HZ // 1000"),
    ("data.md", "Between 1 and {:.0f} they are clipped", "asc_kit/recordings/audio.py", "LOUDEST"),
    (
        "training.md",
        "{:.0f} ms before the highest peak and {:.0f} ms after it",
        IMPULSES,
        "1000 * _BEFORE_PEAK_S",
        "1000 * _AFTER_PEAK_S",
    ),
    ("reliability.md", "silent for {:.0f} s", "asc_kit/protocol.py", "HOLDER_PATIENCE_S"),
    (
        "reliability.md",
        "asked {} times",
        "asc_kit/protocol.py",
        "REQUEST_ATTEMPTS",
    ),
]


@pytest.mark.parametrize("row", QUOTED, ids=lambda row: f"{row[0]}: {row[1]}")
def test_documents_quote_the_code(row: tuple[str, ...]) -> None:
    document, sentence, path, *expressions = row
    module = Module(path)
    said = sentence.format(*(evaluate(expression, module) for expression in expressions))
    assert said in plain(document), f"{document} does not say '{said}', which {path} has"


@pytest.mark.parametrize("row", QUOTED, ids=lambda row: f"{row[0]}: {row[1]}")
def test_another_figure_is_not_in_the_document(row: tuple[str, ...]) -> None:
    """A row whose sentence would be found with any figure could not fail."""
    document, sentence, path, *expressions = row
    values = [evaluate(expression, Module(path)) for expression in expressions]
    other = [value + 3 if isinstance(value, int | float) else f"{value}7" for value in values]
    assert sentence.format(*other) not in plain(document)


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def test_parts_and_their_errors() -> None:
    document = plain("cycles.md")
    rows = re.findall(r"\| (Cortex-\S+) \| (STM32\w+), (\d+) MHz \| (\d+) \| (\S+) % \| (\S+) % \|", document)
    assert len(rows) == 4
    shown = set()
    for core, part, mhz, images, mean, worst in rows:
        data = toml(ROOT / "boards" / "parts" / f"{part.lower()}.toml")
        assert data["title"].startswith(f"{part}, {core} at {mhz} MHz")
        assert (data["clock_hz"], data["error"]["images"]) == (int(mhz) * 10**6, int(images))
        assert (f"{100 * data['error']['mean']:.1f}", f"{100 * data['error']['worst']:.1f}") == (mean, worst)
        shown.add(part.lower())
    for path in sorted((ROOT / "boards" / "parts").glob("*.toml")):
        assert f"`{path.stem}`" in document, path.stem
        if path.stem not in shown:
            beside = re.search(rf"`{path.stem}` \(([^)]*)\)", document)
            assert beside is not None
            assert f"{toml(path)['clock_hz'] // 10**6} MHz" in beside[1]


def test_emulated_boards() -> None:
    rows = re.findall(r"\| `(qemu-\S+)` \| (\S+) \| (\w+) \| ([^|]+) \| ([^|]+) \|", plain("boards.md"))
    assert {name for name, *_ in rows} == {path.name for path in (ROOT / "boards").glob("qemu-*")}
    for name, core, kernels, code, data in rows:
        board = toml(ROOT / "boards" / name / "board.toml")
        of_core, memory = toml(ROOT / "boards" / "cores" / f"{board['core']}.toml"), board["memory"]
        assert (core, kernels) == (of_core["title"], of_core["kernels"][0])
        constants = f"; weights {memory['constants_bytes'] >> 20} MB" if "constants_bytes" in memory else ""
        flash = memory["flash_bytes"]
        size = f"{flash >> 20} MB" if flash >= 1 << 20 else f"{flash >> 10} kB"
        assert (code.strip(), data.strip()) == (size + constants, f"{memory['ram_bytes'] >> 20} MB")


def test_cycles_of_an_instruction() -> None:
    least, most = re.findall(r"\| Cortex-M4F \|.*?\| −(\d+) to −(\d+) % \|", plain("cycles.md"))[0]
    said = f"take {1 / (1 - int(least) / 100):.1f} to {1 / (1 - int(most) / 100):.1f} cycles per instruction"
    assert f"{said} on a real Cortex-M4F" in plain("boards.md")


def test_arenas_are_near_their_bounds() -> None:
    rows = [json.loads(line) for line in (ROOT / "benchmarks" / "engine.jsonl").read_text().splitlines()]
    furthest = max(row["arena_bytes"] / row["bound_bytes"] for row in rows if row["bound_bytes"])
    assert "Every arena is within 5 % of its lower bound" in plain("engine/measured.md")
    assert furthest <= 1.05
