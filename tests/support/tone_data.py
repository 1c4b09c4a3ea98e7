"""A small data set in the layout of TAU, easy to learn in seconds, and a recipe that does so."""

from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 8000
SAMPLES = 2048
BANDS_HZ = {"high": (1800, 3200), "low": (150, 400), "mid": (600, 1300)}

RECIPE = """
name = "tiny"
summary = "For tests."
model = "cp_mobile"

[model_settings]
base_channels = 8
blocks = [1, 1]
strides = { b1 = [1, 2], b2 = [2, 1] }

[frontend]
sample_rate_hz = 8000
clip_samples = 2048
n_fft = 256
win_length = 256
hop_length = 128
n_mels = 24
f_max_hz = 4000.0

[training]
epochs = 10
batch_size = 12
learning_rate = 0.01
weight_decay = 1e-4
warmup_steps = 10

[augmentation]
time_roll_s = 0.02
frequency_mask_bands = 3
mixstyle_p = 0.2
"""


def write_tone_data(
    root: Path, *, n_train: int = 20, n_test: int = 8, devices: tuple[str, ...] = ("a", "b"), level: float = 0.3
) -> Path:
    """Write clips, so many per class: a tone in the class's band, in noise. Device c is in the test only."""
    rng = np.random.default_rng(7)
    (root / "audio").mkdir(parents=True)
    meta = ["filename\tscene_label\tidentifier\tsource_label"]
    splits: dict[str, list[str]] = {name: ["filename\tscene_label"] for name in ("train", "test")}
    for label, (lowest, highest) in BANDS_HZ.items():
        for index in range(n_train + n_test):
            split = "train" if index < n_train else "test"
            choice = devices if split == "train" else (*devices, "c")
            tone = np.sin(2 * np.pi * rng.uniform(lowest, highest) * np.arange(SAMPLES) / RATE_HZ)
            audio = level * rng.uniform(0.3, 1) * tone + 0.05 * level * rng.standard_normal(SAMPLES)
            name = f"audio/{label}-{index}.wav"
            soundfile.write(root / name, audio.clip(-1, 1), RATE_HZ, subtype="PCM_16")
            meta.append(f"{name}\t{label}\tcity-{split}-{index % 3}\t{choice[index % len(choice)]}")
            splits[split].append(f"{name}\t{label}")
    (root / "meta.csv").write_text("\n".join(meta) + "\n")
    for name, lines in splits.items():
        (root / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return root


def write_recipe(folder: Path) -> str:
    """Write the recipe and return its path."""
    path = folder / "tiny.toml"
    path.write_text(RECIPE)
    return str(path)
