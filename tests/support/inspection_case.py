"""An inspection made up for what is shown of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from asc_kit.bundle import Fidelity
from asc_kit.export.inspection.document import (
    ClipsRecord,
    Histogram,
    Inspection,
    Kept,
    LayerRecord,
    Quality,
)
from asc_kit.quantization import QuantizationSettings


def made_up_layer(index: int, **changed: Any) -> LayerRecord:
    """A layer that breaks no rule: a range well filled."""
    plain = LayerRecord(
        index=index, name=f"b{index}_relu", op="CONV_2D", shape=(1, 8, 8, 4), scale=0.02, zero_point=-128, sharing=(),
        lowest=0.0, highest=5.1, low=0.0, high=5.0, inner_low=0.0, inner_high=4.0, clipped_low=0.0, clipped_high=0.0,
        unused_codes=0.02, unreached=0.02, channel_spread=3.0, constant_share=0.1, sqnr_alone_db=40.0, sqnr_db=38.0,
        fall_db=1.0, histogram=Histogram(low=0.0, high=5.0, counts=(900, 90, 9, 1) * 16),
        kept=Kept(
            rank=index + 2, score_gain=0.0, log_loss_gain=0.0, moved_gain=0.01 / (index + 2), mended=0, broken=0,
            certain=False,
        ),
    )  # fmt: skip
    return replace(plain, **changed)


def made_up_inspection(*layers: LayerRecord, **changed: Any) -> Inspection:
    """An inspection of these layers."""
    quality = Quality(score=0.9, log_loss=0.3, moved=0.0)
    moved = replace(quality, moved=0.02)
    plain = Inspection(
        schema_version=1, asc_kit="0", name="tones", model_sha256="ab" * 32, task="single_label",
        quantization=QuantizationSettings(), representative_clips=100, representative_id="0" * 16, reference="run",
        clips=ClipsRecord(source="test", clips=200, windows=200, data_id="1" * 16),
        of_float=quality, of_int8=moved, of_simulation=moved,
        agreement=Fidelity(windows=200, mean_steps=0.1, max_steps=1.0, same_class=1.0),
        layers=layers or tuple(made_up_layer(index) for index in range(-1, 3)), suggestions=(), notes=("a note",),
    )  # fmt: skip
    return replace(plain, **changed)
