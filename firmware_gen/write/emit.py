"""Emit the generated C files from a plan: text by name, the same for the same bundle and version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from asc_kit import __version__
from asc_kit.frontend import ListenSpec

from ..c_text import c_comment, c_elements, c_float, c_string
from ..frontend.tables import FrontEndTables
from ..frontend.text import frontend_text
from ..kernel_sets import PORTABLE, load_kernel_set
from ..network.graph import GraphEnd, Variable
from ..network.kernel_call import ConstantArray, FieldValue, KernelCall, Requantize
from ..plan.placement import Step
from ..plan.plan import Plan, StreamSteps, WholeStep
from ..plan.streams import Buffer, RowStep
from ..plan.streams.loops import find_loops
from ..read.model import ModelInfo
from .fit import most_counters, stack_bytes, state_bytes
from .structs import struct_fields

GENERATED_FILES = (
    "asc_model.h", "asc_model.c", "asc_weights.h", "asc_weights.c", "asc_frontend_tables.c", "asc_ends.c",
    "asc_listener.h", "asc_listener.c",
)  # fmt: skip
"""Names of the files that are made for one network; all others of an engine are the same for every network."""


def emit_engine(plan: Plan, tables: FrontEndTables | None, info: ModelInfo) -> dict[str, str]:
    """Return the generated files of the engine by name, with those of a front end if there are tables."""
    structs = _structs(plan)
    values = {
        "info": info,
        "tables": tables,
        "version": __version__,
        **(frontend_values(tables, info) if tables is not None else {}),
        "plan": plan,
        "steps": [_step(position, step, structs) for position, step in enumerate(plan.steps)],
        "program": [_program_entry(number, entry, plan) for number, entry in enumerate(plan.program)],
        "most_counters": most_counters(plan),
        "stack_bytes": stack_bytes(plan),
        "state_bytes": state_bytes(plan, tables.ram_bytes if tables is not None else 0),
        "constant_bytes": plan.weight_bytes + (tables.table_bytes if tables is not None else 0),
        "most_rows": plan.most_rows,
        "n_pieces": len(plan.pieces),
        "longest_piece": {
            "macs": plan.longest_piece.macs,
            "title": f"{plan.longest_piece.step} {plan.steps[plan.longest_piece.step].operator.op}",
        },
        "headers": _headers(plan),
        **_ends(plan),
        "variables": [_variable(number, variable, plan) for number, variable in enumerate(plan.graph.variables)],
        "listen": ListenSpec(frontend=info.frontend, hop_frames=1) if info.frontend is not None else None,
        "follows": info.output_activation in ("logits", "softmax"),
        "is_logits": int(info.output_activation == "logits"),
    }
    names = ["asc_model.h", "asc_model.c", "asc_weights.h", "asc_weights.c"]
    if tables is not None:
        names += ["asc_frontend_tables.c", "asc_listener.h", "asc_listener.c"]
    if any(end.type != "int8" for end in (*plan.graph.inputs, *plan.graph.outputs)):
        names.append("asc_ends.c")
    return {name: template(f"{name}.j2").render(values) for name in names}


def emit_example(plan: Plan, tables: FrontEndTables | None, info: ModelInfo) -> str:
    """Return a program that uses the engine alone."""
    text: str = template("main.c.j2").render(
        info=info,
        tables=tables,
        version=__version__,
        **_ends(plan),
    )
    return text


def _ends(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """Return the values of all inputs and outputs; the first has the plain names, the others a number."""
    return {
        "inputs": [_end(number, end, plan) for number, end in enumerate(plan.graph.inputs)],
        "outputs": [_end(number, end, plan) for number, end in enumerate(plan.graph.outputs)],
    }


def _end(number: int, end: GraphEnd, plan: Plan) -> dict[str, Any]:
    tensor = plan.graph.tensors[end.tensor]
    return {
        "number": f"_{number}" if number else "",
        "name": end.name,
        "type": end.type,
        "c_type": {"float32": "float", "uint8": "uint8_t", "int8": "int8_t"}[end.type],
        "suffix": {"float32": "f32", "uint8": "u8", "int8": "s8"}[end.type],
        "n": tensor.n_elements,
        "shape": tensor.shape,
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
        "offset": plan.offsets[end.tensor],
    }


def _variable(number: int, variable: Variable, plan: Plan) -> dict[str, Any]:
    """Return the values of a variable; `fill` is the byte that all of it holds at first, if one does."""
    values, tensor = variable.initial, plan.graph.tensors[variable.tensor]
    return {
        "name": f"asc_variable_{number}",
        "title": tensor.describe(),
        "offset": plan.offsets[variable.tensor],
        "n": values.size,
        "values": values,
        "fill": int(values[0]) if (values == values[0]).all() else None,
    }


def frontend_values(tables: FrontEndTables, info: ModelInfo) -> dict[str, Any]:
    """Return the values for the template of the front end's tables."""
    return {
        "info": info,
        "tables": tables,
        "version": __version__,
        **frontend_text(tables),
    }


def template(name: str) -> Any:
    """Return a template."""
    return _environment().get_template(name)


@cache
def _environment() -> Any:
    import jinja2

    filters: dict[str, Callable[..., str]] = {"float": c_float, "elements": c_elements}
    return make_environment(jinja2.PackageLoader("asc_kit.firmware_gen", "templates"), filters)


def make_environment(loader: Any, filters: Mapping[str, Callable[..., str]]) -> Any:
    """Return jinja2's environment for text that is not HTML: a directive leaves no line, a lacking value is an error.

    Parameters
    ----------
    loader
        Finds the templates.
    filters
        Filters beside ``comment`` and ``string``, by name.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters.update(comment=c_comment, string=c_string, **filters)
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


def _structs(plan: Plan) -> dict[str, dict[str, str]]:
    """Return the fields of the structs that kernels take, in their order."""
    sources = load_kernel_set(PORTABLE).sources | plan.kernels.sources
    return struct_fields(path for name, path in sources.items() if name.endswith(".h"))


def _step(position: int, step: Step, structs: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    """Return the values for the constants of a step."""
    fields = structs[step.call.struct] | {name: _value(position, value) for name, value in step.call.fields}
    return {
        "index": position,
        "op": step.operator.op,
        "struct": step.call.struct,
        "output": step.output.describe(),
        "fields": list(fields.items()),
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


def _program_entry(number: int, entry: WholeStep | StreamSteps, plan: Plan) -> dict[str, Any]:
    """Return the values for a part of the program."""
    if isinstance(entry, WholeStep):
        return {"number": number, "stream": None, "call": _whole_call(entry, plan)}
    stream = entry.stream
    windows: list[dict[str, int]] = []
    stages: list[dict[str, Any]] = []
    for index, row_step in enumerate(stream.steps):
        first = len(windows)
        for source, window in zip(row_step.sources, row_step.call.windows, strict=True):
            buffer = stream.buffers[source]
            windows.append(
                {
                    "offset": entry.offsets[source] + (buffer.left - window.left) * buffer.lines.pixel_step,
                    "line_step": buffer.lines.line_step,
                    "count": buffer.lines.count,
                    "rows": window.rows,
                    "stride": window.stride,
                    "dilation": window.dilation,
                    "skip": buffer.top - window.top,
                }
            )
        target = stream.buffers[row_step.target]
        position = entry.first_step + index
        stages.append(
            {
                "column_offset": target.left * target.lines.pixel_step,
                "window": first,
                "windows": len(row_step.sources),
                "lines": row_step.target,
                "rows": row_step.call.height,
                "step": position,
                "call": _row_call(position, row_step, entry.scratch_offset),
                "title": f"{position} {row_step.operator.op}, {plan.steps[position].call.macs:,} MACs",
            }
        )
    buffers = [_buffer(buffer, offset) for buffer, offset in zip(stream.buffers, entry.offsets, strict=True)]
    parts = {"buffers": buffers, "windows": windows, "stages": stages, "loops": find_loops(stream.order)}
    return {"number": number, "stream": parts, "call": None}


def _buffer(buffer: Buffer, offset: int) -> dict[str, Any]:
    lines = buffer.lines
    return {
        "title": f"{buffer.tensor.describe()}, {buffer.layout}",
        "fields": {
            "offset": offset,
            "bytes": buffer.n_bytes if buffer.padded else 0,
            "line_step": lines.line_step,
            "pixel_step": lines.pixel_step,
            "channel_step": lines.channel_step,
            "count": lines.count,
            "top": buffer.top,
            "height": buffer.height,
            "columns": lines.columns if buffer.bottom else 0,
            "channels": lines.channels if buffer.bottom else 0,
            "zero_point": buffer.tensor.zero_point,
        },
    }


def _arguments(position: int, call: KernelCall, inputs: list[str], output: str, scratch_offset: int | None) -> str:
    """Return a call of a kernel."""
    if call.gather_inputs:
        inputs = ["(const int8_t *const[]){" + ", ".join(inputs) + "}"]
    scratch = [f"arena + {scratch_offset}"] if call.scratch_bytes is not None else []
    return f"{call.kernel}({', '.join([f'&step_{position}', *inputs, output, *scratch])})"


def _whole_call(entry: WholeStep, plan: Plan) -> dict[str, Any]:
    step = plan.steps[entry.step]

    def place(source: int | ConstantArray) -> str:
        if isinstance(source, ConstantArray):
            return "constant"
        tensor, offset = plan.graph.tensors[source], plan.offsets[source]
        return f"{_shape(tensor.shape)} at [{offset}, {offset + tensor.n_elements})"

    def pointer(source: int | ConstantArray) -> str:
        return (
            _array_name(entry.step, source) if isinstance(source, ConstantArray) else f"arena + {plan.offsets[source]}"
        )

    inputs = [pointer(source) for source in (*step.call.inputs, *step.call.updates)]
    sources = " and ".join(place(source) for source in step.call.inputs)
    return {
        "text": _arguments(entry.step, step.call, inputs, pointer(step.output.index), entry.scratch_offset),
        "step": entry.step,
        "title": f"{entry.step} {step.operator.op} {sources} -> {place(step.output.index)}, {step.call.macs:,} MACs",
    }


def _row_call(position: int, row_step: RowStep, scratch_offset: int | None) -> str:
    call = row_step.call.call
    if row_step.call.takes_rows:
        inputs = ["rows", *(["row"] if row_step.call.takes_row_number else [])]
    else:
        numbers = iter(range(len(call.inputs)))
        inputs = [
            _array_name(position, source) if isinstance(source, ConstantArray) else f"rows[{next(numbers)}]"
            for source in call.inputs
        ]
    return _arguments(position, call, inputs, "output", scratch_offset)


def _headers(plan: Plan) -> list[str]:
    """Return the headers that declare the kernels: the portable ones, and those of the set."""
    headers = [load_kernel_set(PORTABLE).header]
    if any(plan.kernels.has(step.call.kernel) for step in plan.steps):
        headers.append(plan.kernels.header)
    return list(dict.fromkeys(headers))
