"""A small multi-label data set in the layout of FSDKaggle2019: a low and a high tone, alone, together, or neither."""

from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 8000
LABELS = ("high", "low", "quiet")
KINDS = (("high",), ("low",), ("high", "low"), ("high", "low"), ("low", "high"), ("quiet",))
SECONDS = (0.5, 0.3, 1.0, 1.5, 2.0, 1.1)


def write_tagged_tones(root: Path, *, n_train: int = 6, n_validation: int = 6) -> Path:
    """Write clips of different lengths, a table for training and one for validation."""
    rng = np.random.default_rng(11)
    for split, count in (("train_curated", n_train), ("validation", n_validation)):
        (root / split).mkdir(parents=True)
        lines = ["fname,labels"]
        for number in range(count):
            labels = KINDS[number % len(KINDS)]
            n_samples = round(SECONDS[(number + number // len(KINDS)) % len(SECONDS)] * RATE_HZ)
            audio = (0 if "quiet" in labels else 1e-4) * rng.standard_normal(n_samples)
            for label, band in (("low", (300, 700)), ("high", (1500, 3000))):
                if label in labels:
                    audio += 0.3 * np.sin(2 * np.pi * rng.uniform(*band) * np.arange(n_samples) / RATE_HZ)
            soundfile.write(root / split / f"{split}{number}.wav", audio, RATE_HZ, subtype="PCM_16")
            lines.append(f'{split}{number}.wav,"{",".join(labels)}"')
        (root / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return root
