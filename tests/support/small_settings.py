"""Settings that make each recipe's network small and leave it every operator that it has."""

from __future__ import annotations

from pathlib import Path

_CP_MOBILE = ("n_mels=32", "base_channels=8")
_RESNET11 = ("n_mels=32", "input_channels=16", "channels=[16, 16, 16, 32, 64]")
_DSMN = ("n_mels=64", "stem_channels=4", "channels=[4, 4, 4, 4, 4]", "dense_units=8")
_MICRO = ("n_mels=32",)

SMALL_SETTINGS: dict[str, tuple[str, ...]] = {
    "cp_mobile_micro": _CP_MOBILE,
    "dcase2019_task2": ("width=0.1", "n_mels=32"),
    "dcase2021_baseline": ("clip_samples=88199", "second_pool=[4, 20]", "channels=[4, 4, 8]"),
    "dcase2021_resnet11": _RESNET11,
    "dcase2021_resnet11_cbam": _RESNET11,
    "dcase2021_resnet11_se": _RESNET11,
    "dcase2022_baseline": ("channels=[4, 4, 8]",),
    "dcase2024_baseline": _CP_MOBILE,
    "dsmn_model1": _DSMN,
    "dsmn_model2": _DSMN,
    "dsmn_model3": _DSMN,
    "dsmn_model4": ("n_mels=64", "stem_channels=4", "channels=[4, 8, 8, 8, 8]", "dense_units=8"),
    "micro_10m": _MICRO,
    "micro_1m": _MICRO,
    "micro_5m": _MICRO,
}
"""By recipe, each as `--set` takes it."""

shared_folder: Path | None = None
"""Where the processes of a test run find the networks that one of them has made."""
