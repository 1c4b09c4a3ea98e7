"""Procedural acoustic scenes in the layout of TAU Urban Acoustic Scenes: data for demos and tests."""

from .layout import SCENES, TEST_RECORDING_DEVICES, TRAIN_RECORDING_DEVICES, SynthSpec, plan_clips
from .writer import synthesize

__all__ = [
    "SCENES",
    "TEST_RECORDING_DEVICES",
    "TRAIN_RECORDING_DEVICES",
    "SynthSpec",
    "plan_clips",
    "synthesize",
]
