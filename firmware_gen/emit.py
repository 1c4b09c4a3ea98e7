"""Emit the generated C files from a plan: text by name, the same for the same bundle and version."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from asc_kit import __version__
from asc_kit.firmware import NO_FRONTEND
from asc_kit.frontend import STD_FLOOR, FrontEndSpec
from asc_kit.quantization import TensorInfo

from .c_text import c_comment, c_elements, c_float, c_string
from .frontend_tables import FrontEndTables
from .kernel_call import ConstantArray, FieldValue, Requantize
from .plan import Plan, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What the generated code says of the model, beside its network."""

    name: str
    """Name of the model."""
    labels: tuple[str, ...]
    """Classes, in the order of the outputs."""
    frontend: FrontEndSpec | None
    """The features; None for a bare model, whose input somebody else computes."""
    input: TensorInfo
    """The network's input."""
    output: TensorInfo
    """The network's output."""
    model_sha256: str
    """Hash of the flatbuffer."""

    @property
    def spec_id(self) -> str:
        """Fingerprint of the front end; zeros when there is none."""
        return NO_FRONTEND if self.frontend is None else self.frontend.spec_id


def emit_engine(plan: Plan, tables: FrontEndTables | None, info: ModelInfo) -> dict[str, str]:
    """Return the generated files of the engine by name; without a front end's where there are no tables."""
    values = {
        "info": info,
        "tables": tables,
        "version": __version__,
        **(frontend_values(tables, info) if tables is not None else {}),
        "plan": plan,
        "steps": [_step(position, step, plan) for position, step in enumerate(plan.steps)],
        "input_offset": plan.offsets[plan.graph.input],
        "output_offset": plan.offsets[plan.graph.output],
    }
    names = ["asc_model.h", "asc_model.c", "asc_weights.h", "asc_weights.c"]
    if tables is not None:
        names.append("asc_frontend_tables.c")
    if (plan.graph.input_type, plan.graph.output_type) != ("int8", "int8"):
        names.append("asc_ends.c")
    return {name: template(f"{name}.j2").render(values) for name in names}


def frontend_values(tables: FrontEndTables, info: ModelInfo) -> dict[str, Any]:
    """Return what the template of the front end's tables prints."""
    return {
        "info": info,
        "tables": tables,
        "version": __version__,
        "frontend_arrays": _frontend_arrays(tables),
        "frontend_fields": _frontend_fields(tables),
        "radix_list": "x".join(str(radix) for radix in tables.radices),
    }


def template(name: str) -> Any:
    """Return a template."""
    return _environment().get_template(name)


@cache
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("asc_kit.firmware_gen", "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # C, not HTML
    )
    environment.filters.update(comment=c_comment, string=c_string, float=c_float, elements=c_elements)
    return environment


def _shape(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(str(size) for size in shape) + "]"


def _array_name(position: int, array: ConstantArray) -> str:
    return f"asc_step_{position}_{array.suffix}"


def _value(position: int, value: FieldValue) -> str:
    if isinstance(value, ConstantArray):
        return _array_name(position, value)
    if isinstance(value, Requantize):
        parts = {
            "bias": _array_name(position, value.bias),
            "multiplier": _array_name(position, value.multiplier),
            "shift": _array_name(position, value.shift),
            "offset": value.offset,
            "min": value.min,
            "max": value.max,
            "wide": int(value.wide),
        }
        lines = [f"        .{name} = {part}," for name, part in parts.items()]
        return "\n".join(["{", *lines, "    }"])
    if isinstance(value, tuple):
        return "{" + ", ".join(str(part) for part in value) + "}"
    return str(value)


def _step(position: int, step: Step, plan: Plan) -> dict[str, Any]:
    """Return what the templates print of a step."""
    graph = plan.graph

    def place(source: int | ConstantArray) -> str:
        if isinstance(source, ConstantArray):
            return "constant"
        tensor = graph.tensors[source]
        offset = plan.offsets[source]
        return f"{_shape(tensor.shape)} at [{offset}, {offset + tensor.n_elements})"

    def pointer(source: int | ConstantArray) -> str:
        if isinstance(source, ConstantArray):
            return _array_name(position, source)
        return f"arena + {plan.offsets[source]}"

    arguments = [pointer(source) for source in step.call.inputs]
    if step.call.gather_inputs:
        arguments = ["(const int8_t *const[]){" + ", ".join(arguments) + "}"]
    arguments.append(pointer(step.output.index))
    if step.scratch_offset is not None:
        arguments.append(f"arena + {step.scratch_offset}")
    sources = " and ".join(place(source) for source in step.call.inputs)
    return {
        "index": position,
        "op": step.operator.op,
        "kernel": step.call.kernel,
        "struct": step.call.struct,
        "output": step.output.describe(),
        "places": f"{sources} -> {place(step.output.index)}",
        "macs": step.call.macs,
        "arguments": ", ".join(arguments),
        "fields": [(name, _value(position, value)) for name, value in step.call.fields],
        "arrays": [
            {
                "name": _array_name(position, array),
                "type": array.c_type,
                "size": array.values.size,
                "values": array.values,
                "comment": array.comment,
            }
            for array in step.call.arrays
        ],
    }


_FRONTEND_TYPES = {"uint8": "uint8_t", "uint16": "uint16_t", "float32": "float"}


def _frontend_arrays(tables: FrontEndTables) -> list[dict[str, Any]]:
    # C has no arrays of no elements: a table that is empty (one pass, no filter taps) gets one that is never read
    return [
        {
            "name": name,
            "type": _FRONTEND_TYPES[str(array.dtype)],
            "size": max(array.size, 1),
            "values": array if array.size else np.zeros(1, array.dtype),
        }
        for name, array in tables.arrays.items()
    ]


def _frontend_fields(tables: FrontEndTables) -> list[tuple[str, str]]:
    spec, info = tables.spec, tables.info
    frame_step, mel_step = (1, spec.n_frames) if spec.layout == "mel_time" else (spec.n_mels, 1)
    reach = spec.delta_width // 2
    squares = sum(n * n for n in range(1, reach + 1))
    log_factor = 1.0 if spec.log == "natural" else 1.0 / float(np.log(10.0))
    return [
        ("n_fft", str(spec.n_fft)),
        ("win_length", str(spec.win_length)),
        ("hop_length", str(spec.hop_length)),
        ("n_frames", str(spec.n_frames)),
        ("n_mels", str(spec.n_mels)),
        ("clip_samples", str(spec.clip_samples)),
        ("first", str(tables.first)),
        ("reflect", str(int(spec.center and spec.pad_mode == "reflect"))),
        ("power", str(spec.power)),
        ("frame_step", str(frame_step * spec.n_channels)),
        ("mel_step", str(mel_step * spec.n_channels)),
        ("zero_point", str(info.zero_point)),
        ("inverse_scale", c_float(1.0 / info.scale)),
        ("log_offset", c_float(spec.log_offset)),
        ("log_factor", c_float(log_factor)),
        ("n_radices", str(len(tables.radices))),
        *((name, name) for name in tables.arrays),
        ("finish_clip", "asc_frontend_clip" if tables.keeps_clip else "0"),
        ("standardize", str(int(spec.standardize == "clip"))),
        ("delta_reach", str(reach)),
        ("delta_factor", c_float(0.5 / squares if squares else 0.0)),
        ("std_floor", c_float(STD_FLOOR)),
    ]
