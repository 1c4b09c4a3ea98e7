"""Small data sets in every layout, each clip with audio of its own."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 8000
SAMPLES = 800
META_HEADER = "filename\tscene_label\tidentifier\tsource_label\n"
SPLIT_HEADER = "filename\tscene_label\n"


def sound(name: str, n_samples: int = SAMPLES) -> np.ndarray:
    """Noise that follows from the name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).uniform(-0.5, 0.5, n_samples)


def write_sound(path: Path, samples: np.ndarray | None = None, *, subtype: str = "PCM_16", rate: int = RATE_HZ) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound(path.name) if samples is None else samples, rate, subtype=subtype)


def write_tau(root: Path, rows: Iterable[tuple[str, str, str, str]], splits: Mapping[str, Iterable[str]]) -> Path:
    """Write meta.csv from rows, their recordings, and splits from file names."""
    table = {row[0]: row for row in rows}
    root.mkdir(parents=True, exist_ok=True)
    (root / "meta.csv").write_text(META_HEADER + "".join("\t".join(row) + "\n" for row in table.values()))
    for name, members in splits.items():
        path = root / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(SPLIT_HEADER + "".join(f"{member}\t{table[member][1]}\n" for member in members))
    for name in table:
        write_sound(root / name)
    return root


def write_tagging(root: Path, tables: Mapping[str, Mapping[str, str]], audio: Mapping[str, str] | None = None) -> Path:
    """Write tables `name: {fname: labels}`; recordings go to the folder of the table's name, or to `audio[name]`."""
    for name, rows in tables.items():
        path = root / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("fname,labels\n" + "".join(f'{fname},"{labels}"\n' for fname, labels in rows.items()))
        for fname in rows:
            write_sound(root / (audio or {}).get(name, name) / fname)
    return root
