"""Puts the figures of benchmarks/engine.jsonl into the tables of README.md and docs/engine/measured.md.

    python benchmarks/engine_tables.py

A table stands below a comment that names it, such as <!-- engine: recipes -->.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine import ROOT, TABLE, Row, read_rows
from engine_peers import KEYWORDS, LEADS, PEERS, PUBLISHED_MS
from random_networks import CP_MOBILE

PAGES = (ROOT / "README.md", ROOT / "docs" / "engine" / "measured.md")
CORES = ("Cortex-M0+", "Cortex-M3", "Cortex-M4F", "Cortex-M7", "Cortex-M33", "Cortex-M55")
MARK = re.compile(r"(<!-- engine: (\S+) -->\n)(?:\|.*\n)*")
PEER_STACK = "860–996"
# the same network and core as PEERS, without CMSIS-NN
REFERENCE_KERNELS = 373_700_000
TIMED = {
    CP_MOBILE: "CP-Mobile",
    KEYWORDS: "keywords, DS-CNN",
    "mlperf_image": "image, ResNet-8",
    "mlperf_person": "person, MobileNet 0.25",
    "mlperf_anomaly": "anomaly, autoencoder",
}
PARTS = {
    "stm32l4r5": ("Cortex-M4F", "dsp"),
    "stm32f405": ("Cortex-M4F", "dsp"),
    "nrf52840": ("Cortex-M4F", "dsp"),
    "stm32u575": ("Cortex-M33", "dsp"),
    "stm32f746": ("Cortex-M7", "dsp"),
    "stm32h743": ("Cortex-M7", "dsp"),
    "stm32g0b1": ("Cortex-M0+", "portable"),
    "rp2040": ("Cortex-M0+", "portable"),
}
FEATURED = {
    CP_MOBILE: "CP-Mobile, DCASE 2024 baseline (29.4 MMAC)",
    KEYWORDS: "keywords, DS-CNN of MLPerf Tiny (2.7 MMAC)",
    "cp_mobile_micro": "`cp_mobile_micro` (1.9 MMAC)",
}

Rows = Mapping[tuple[str, ...], Row]


def millions(n: int) -> str:
    """Return a number in millions, whose header says so."""
    return f"{n / 1e6:.{1 if n >= 1e7 else 2}f}"


def lines(header: Sequence[str], left: int, rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose first columns are text and whose others are numbers."""
    rule = "|" + "---|" * left + "---:|" * (len(header) - left)
    body = ["| " + " | ".join(cells) + " |" for cells in (header, *rows)]
    return "\n".join([body[0], rule, *body[1:], ""])


def of_model(rows: Rows, model: str) -> str:
    """Every core and kernel set, beside the peer."""
    peer = PEERS[model]
    table = []
    for row in sorted(
        (row for row in rows.values() if row.model == model),
        key=lambda row: (CORES.index(row.core), row.kernels == "portable", row.optimize == "size"),
    ):
        of_peer = peer.instructions.get(row.core)
        costs = (millions(row.instructions), millions(of_peer) if of_peer is not None else "–")
        sizes = (row.arena_bytes, row.stack_bytes, row.code_bytes, row.weight_bytes)
        table.append((row.core, row.made, lead(row), cycles(row), *costs, *(f"{n:,}" for n in sizes)))
    code = f"{peer.code_bytes['Cortex-M4F']:,} (M4) {peer.code_bytes['Cortex-M55']:,} (M55)"
    time = (f"{peer.ms:.1f} (`{LEADS['Cortex-M4F']}`)", f"{millions(peer.cycles)} (M4F)")
    table.append(("", "TFLM", *time, "", "", f"{peer.arena_bytes:,}", PEER_STACK, code, f"{peer.weight_bytes:,}"))
    header = (
        "core", "kernels", "ms", "million cycles", "million instructions", "TFLM", "arena", "stack", "code",
        "constants",
    )  # fmt: skip
    return lines(header, 2, table)


def cycles(row: Row) -> str:
    """Cycles without wait states."""
    if not row.cycles:
        return "–"
    return millions(row.cycles) + (f" to {millions(row.most_cycles)}" if row.most_cycles else "")


def lead(row: Row) -> str:
    """Milliseconds on the part that the core is shown on."""
    name = LEADS[row.core]
    return f"{milliseconds(row.parts[name]['ms'])} (`{name}`)" if name in row.parts else "–"


def milliseconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"


def times(rows: Rows) -> str:
    """Networks that others are known for, on parts."""
    table = []
    for model, title in TIMED.items():
        ours = [
            milliseconds(rows[core, kernels, model, "speed"].parts[part]["ms"])
            for part, (core, kernels) in PARTS.items()
        ]
        table.append((title, *ours, milliseconds(PEERS[model].ms)))
        if model in PUBLISHED_MS[LEADS["Cortex-M4F"]]:
            best = [PUBLISHED_MS.get(part, {}).get(model) for part in PARTS]
            table.append(("*best published*", *(milliseconds(ms) if ms else "–" for ms in best), ""))
    return lines(("network", *(f"`{part}`" for part in PARTS), f"TFLM, `{LEADS['Cortex-M4F']}`"), 1, table)


def recipes(rows: Rows) -> str:
    """Every recipe on the two cores that have kernels of their own."""
    table = []
    for name in sorted({row.model for row in rows.values()} - set(PEERS)):
        dsp, mve = (
            rows[core, kernels, name, "speed"] for core, kernels in (("Cortex-M4F", "dsp"), ("Cortex-M55", "mve"))
        )
        part = dsp.parts.get(LEADS["Cortex-M4F"])
        time = milliseconds(part["ms"]) if part is not None else "–"
        cells = [f"`{name}`", f"{dsp.macs / 1e6:.1f}", time]
        cells += [millions(dsp.instructions), f"{dsp.arena_bytes:,}", f"{dsp.weight_bytes:,}"]
        cells += [millions(mve.instructions), f"{mve.arena_bytes:,}"]
        table.append(cells)
    header = (
        "recipe", "million MACs", "ms, `stm32l4r5`", "M4F, million instructions", "arena", "constants",
        "M55, million instructions", "arena",
    )  # fmt: skip
    return lines(header, 1, table)


def summary(rows: Rows) -> str:
    """What the README shows."""
    table = []
    for model, title in FEATURED.items():
        dsp, mve = rows["Cortex-M4F", "dsp", model, "speed"], rows["Cortex-M55", "mve", model, "speed"]
        cells = [title, "**asc-kit**", f"**{milliseconds(dsp.parts[LEADS['Cortex-M4F']]['ms'])}**"]
        for row in (dsp, mve):
            cells += [f"**{row.instructions / 1e6:.1f} M**", f"{row.instructions / row.macs:.2f}"]
        table.append((*cells, f"**{dsp.arena_bytes:,}**", f"**{dsp.code_bytes:,}**"))
        if model in PEERS:
            peer = PEERS[model]
            cells = ["", "TensorFlow Lite Micro, CMSIS-NN", milliseconds(peer.ms)]
            for row in (dsp, mve):
                n = peer.instructions[row.core]
                cells += [f"{n / 1e6:.1f} M", f"{n / row.macs:.2f}"]
            table.append((*cells, f"{peer.arena_bytes:,}", f"{peer.code_bytes['Cortex-M4F']:,}"))
        if model == CP_MOBILE:
            count = f"{REFERENCE_KERNELS / 1e6:.1f} M"
            per_mac, arena = f"{REFERENCE_KERNELS / dsp.macs:.2f}", f"{PEERS[model].arena_bytes:,}"
            table.append(("", "TensorFlow Lite Micro, reference kernels", "–", count, per_mac, "–", "–", arena, "–"))
    header = (
        "network", "engine", "STM32L4R5 at 120 MHz, estimated ms", "Cortex-M4F, instructions", "per MAC", "Cortex-M55",
        "per MAC", "RAM (arena), bytes", "code, bytes",
    )  # fmt: skip
    return lines(header, 2, table)


TABLES: Mapping[str, Callable[[Rows], str]] = {
    "summary": summary,
    "cp_mobile": lambda rows: of_model(rows, CP_MOBILE),
    "recipes": recipes,
    "times": times,
}


def documents() -> dict[Path, str]:
    """Return the pages with the tables as they should be."""
    rows = read_rows(TABLE.read_text())
    return {path: MARK.sub(lambda match: match[1] + TABLES[match[2]](rows), path.read_text()) for path in PAGES}


if __name__ == "__main__":
    for path, text in documents().items():
        if path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
