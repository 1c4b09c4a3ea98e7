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


def write_folders(root: Path, *names: str) -> Path:
    """Write recordings with such names below a folder."""
    for name in names:
        write_sound(root / name)
    return root


URBANSOUND = {
    f"{number}-{number % 3}-0-{fold}.wav": (fold, number) for fold in range(1, 11) for number in (fold, fold + 10)
}
"""By slice: its fold, and the recording it is cut from."""


def write_urbansound(root: Path, table: str | None = "metadata/UrbanSound8K.csv") -> Path:
    """Write ten folds of UrbanSound8K, two recordings in each, and its table at a place below the folder, or none."""
    classes = ("air_conditioner", "car_horn", "children_playing")
    rows = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    for name, (fold, number) in URBANSOUND.items():
        write_sound(root / "audio" / f"fold{fold}" / name)
        rows.append(f"{name},{number},0.0,0.1,1,{fold},{number % 3},{classes[number % 3]}")
    if table is not None:
        (root / table).parent.mkdir(exist_ok=True)
        (root / table).write_text("\n".join(rows) + "\n")
    return root


def write_fsd50k(root: Path) -> Path:
    """Write FSD50K as Zenodo has it: names without ending, dev clips divided by a column, eval clips apart."""
    truth = root / "FSD50K.ground_truth"
    truth.mkdir(parents=True)
    (truth / "dev.csv").write_text(
        'fname,labels,mids,split\n1,"Bark,Dog","/m/1,/m/2",train\n2,Slam,/m/3,train\n3,"Dog",/m/2,val\n'
    )
    (truth / "eval.csv").write_text('fname,labels,mids\n4,"Bark,Dog","/m/1,/m/2"\n5,Slam,/m/3\n')
    (truth / "vocabulary.csv").write_text("0,Bark,/m/1\n1,Dog,/m/2\n2,Slam,/m/3\n")
    (root / "FSD50K.metadata").mkdir()
    (root / "FSD50K.metadata" / "dev_clips_info_FSD50K.json").write_text("{}")
    for number, part in ((1, "dev"), (2, "dev"), (3, "dev"), (4, "eval"), (5, "eval")):
        write_sound(root / f"FSD50K.{part}_audio" / f"{number}.wav")
    return root


def write_fsdkaggle2018(root: Path, *, zenodo: bool) -> Path:
    """Write FSDKaggle2018 as the competition has it, or as Zenodo has it."""
    meta = root / "FSDKaggle2018.meta" if zenodo else root
    meta.mkdir(parents=True, exist_ok=True)
    ends = ("_post_competition", "_post_competition_scoring_clips") if zenodo else ("", "")
    rows = {
        "train": {"a.wav": "Bark", "b.wav": "Hi-hat", "c.wav": "Bark"},
        "test": {"d.wav": "Hi-hat", "e.wav": "Bark"},
    }
    for (name, clips), end in zip(rows.items(), ends, strict=True):
        text = "fname,label,manually_verified\n" + "".join(f"{clip},{label},1\n" for clip, label in clips.items())
        (meta / f"{name}{end}.csv").write_text(text)
        for clip in clips:
            write_sound(root / f"{'FSDKaggle2018.' if zenodo else ''}audio_{name}" / clip)
    if not zenodo:
        (root / "sample_submission.csv").write_text("fname,label\nd.wav,Laughter Hi-Hat Flute\n")
    return root
