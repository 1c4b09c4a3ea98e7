"""Assemble operators into a stream: buffers in the layouts that readers want, copies where these differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...network.graph import NoAttributes, Operator, Tensor
from ...network.kernel_call import FieldValue, KernelCall
from ...network.row_call import Layout, Lines, RowCall, Window
from .schedule import play
from .stream import Buffer, RowStep, Stream

_QUAD = 4
COPY = "COPY"
"""Name of a copy into another layout; TFLite has no such operator."""
COPY_KERNEL = "asc_copy_row_s8"
"""The portable kernel of copies."""


def assemble(
    tensors: Sequence[Tensor],
    operators: Sequence[Operator],
    calls: Sequence[RowCall],
    whole: frozenset[int],
    copy_kernel: str = COPY_KERNEL,
) -> Stream:
    """Return the stream of some operators.

    Parameters
    ----------
    tensors
        All tensors of the network.
    operators
        Operators in order of execution.
    calls
        The kernel of each.
    whole
        Tensors that exist as a whole: those that come from outside the stream, and those that are used outside it.
    copy_kernel
        The kernel of copies, with the parameters of the portable one.
    """
    avoided: frozenset[int] = frozenset()
    apart: frozenset[int] = frozenset()
    while True:
        draft = _Draft(
            tensors=tensors,
            operators=operators,
            calls=calls,
            whole=whole,
            no_quads=avoided,
            apart=apart,
            copy_kernel=copy_kernel,
        )
        draft.build()
        for buffer in draft.buffers:
            buffer.check()
        schedule = play(draft.steps, draft.buffers)
        crowded = {
            buffer.tensor.index
            for buffer, count in zip(draft.buffers, schedule.lines, strict=True)
            if buffer.layout == "quads" and count > _QUAD
        }
        if not crowded:
            break
        if crowded & apart:
            raise RuntimeError("defect: a copy into quads needs more than four lines")
        # other steps use these rows too, and later: a copy has only the rows of the windows that want quads, a copy
        # for each reader only those of one window
        apart |= crowded & avoided
        avoided |= crowded
    buffers = tuple(
        replace(buffer, count=_QUAD if buffer.layout == "quads" else count)
        for buffer, count in zip(draft.buffers, schedule.lines, strict=True)
    )
    steps = tuple(_with_geometry(step, buffers) for step in draft.steps)
    return Stream(steps=steps, buffers=buffers, order=schedule.order, overlap=schedule.overlap)


def _with_geometry(step: RowStep, buffers: Sequence[Buffer]) -> RowStep:
    fields = step.call.geometry(tuple(buffers[index].lines for index in step.sources), buffers[step.target].lines)
    if not fields:
        return step
    call = step.call.call
    return replace(step, call=replace(step.call, call=replace(call, fields=(*call.fields, *fields))))


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A stream while it is assembled."""

    tensors: Sequence[Tensor]
    operators: Sequence[Operator]
    calls: Sequence[RowCall]
    whole: frozenset[int]
    no_quads: frozenset[int]
    """Tensors that are not written in quads, but copied."""
    apart: frozenset[int]
    """Tensors that are copied for each reader."""
    copy_kernel: str
    buffers: list[Buffer] = field(default_factory=list)
    steps: list[RowStep] = field(default_factory=list)
    buffer_of: dict[tuple[int, Layout, bool], int] = field(default_factory=dict)
    """(tensor, layout, whether it is a copy) -> buffer."""
    wants: dict[tuple[int, Layout], Window] = field(default_factory=dict)
    """(tensor, layout) -> a window with the most padding that any reader wants."""
    together: dict[int, int] = field(default_factory=dict)
    """Most rows of a tensor that are written or read at once."""
    made: dict[int, Layout] = field(default_factory=dict)
    """Layout in which the operator that computes a tensor writes it."""

    def build(self) -> None:
        """Add buffers and steps, operator by operator."""
        self._collect()
        for operator, call in zip(self.operators, self.calls, strict=True):
            activations = [source for source in call.call.inputs if isinstance(source, int)]
            sources = tuple(
                self._source(tensor, window) for tensor, window in zip(activations, call.windows, strict=True)
            )
            target = self._target(operator.output)
            self.steps.append(RowStep(operator=operator, call=call, sources=sources, target=target))

    def _collect(self) -> None:
        """Collect the layouts that readers want, and choose the layout that each operator writes."""
        users: dict[int, list[Layout]] = {}
        for call in self.calls:
            activations = [source for source in call.call.inputs if isinstance(source, int)]
            for tensor, window in zip(activations, call.windows, strict=True):
                users.setdefault(tensor, []).append(window.layout)
                if call.reads_together:
                    self.together[tensor] = max(self.together.get(tensor, 1), call.height)
                key = (tensor, window.layout)
                self.wants[key] = _widest(self.wants.get(key, window), window)
        for operator, call in zip(self.operators, self.calls, strict=True):
            tensor = operator.output
            self.together[tensor] = max(self.together.get(tensor, 1), call.height)
            possible = [layout for layout in call.output_layouts if tensor not in self.no_quads or layout != "quads"]
            wanted = users.get(tensor, [])
            best: Layout = max(possible, key=wanted.count, default="pixels")
            # a tensor that all readers want in another layout is written in one, if its kernel can
            self.made[tensor] = "pixels" if tensor in self.whole or wanted.count(best) == 0 else best

    def _source(self, tensor: int, window: Window) -> int:
        """Return a buffer with the rows and the padding that a window needs; make a copy if there is none."""
        given = tensor in self.whole
        plain = window.layout == "pixels" and not (window.top or window.bottom or window.left or window.right)
        if given and plain:
            return self._whole(tensor)
        if not given and self.made[tensor] == window.layout:
            return self._target(tensor)
        key = (tensor, window.layout, True)
        if key not in self.buffer_of or (window.layout == "quads" and tensor in self.apart):
            source = self._whole(tensor) if given else self._target(tensor)
            # the copy's own buffer, then the copy
            self.buffer_of[key] = self._add(tensor, window.layout)
            layout = self.buffers[source].layout
            self.steps.append(_copy(self.copy_kernel, self.tensors[tensor], layout, source, self.buffer_of[key]))
        return self.buffer_of[key]

    def _whole(self, tensor: int) -> int:
        key: tuple[int, Layout, bool] = (tensor, "pixels", False)
        if key not in self.buffer_of:
            computed = any(operator.output == tensor for operator in self.operators)
            self.buffer_of[key] = len(self.buffers)
            self.buffers.append(Buffer(tensor=self.tensors[tensor], whole=True, given=not computed))
        return self.buffer_of[key]

    def _target(self, tensor: int) -> int:
        if tensor in self.whole:
            return self._whole(tensor)
        key = (tensor, self.made[tensor], False)
        if key not in self.buffer_of:
            self.buffer_of[key] = self._add(tensor, self.made[tensor])
        return self.buffer_of[key]

    def _add(self, tensor: int, layout: Layout) -> int:
        want = self.wants.get((tensor, layout), Window())
        together = self.together.get(tensor, 1)
        self.buffers.append(
            Buffer(
                tensor=self.tensors[tensor],
                whole=False,
                layout=layout,
                top=-(-want.top // together) * together,
                bottom=want.bottom,
                left=want.left,
                right=want.right,
                together=together,
            )
        )
        return len(self.buffers) - 1


def _widest(window: Window, other: Window) -> Window:
    return replace(
        window,
        top=max(window.top, other.top),
        bottom=max(window.bottom, other.bottom),
        left=max(window.left, other.left),
        right=max(window.right, other.right),
    )


def _copy(kernel: str, tensor: Tensor, layout: Layout, source: int, target: int) -> RowStep:
    _, _, width, channels = tensor.shape

    def geometry(inputs: tuple[Lines, ...], output: Lines) -> tuple[tuple[str, FieldValue], ...]:
        return (
            ("in_pixel_step", inputs[0].pixel_step),
            ("in_channel_step", inputs[0].channel_step),
            ("out_pixel_step", output.pixel_step),
            ("out_channel_step", output.channel_step),
        )

    call = KernelCall(
        kernel=kernel,
        struct="asc_copy_row_t",
        fields=(("columns", width), ("channels", channels)),
        inputs=(tensor.index,),
        overlap=(None,),
        macs=0,
    )
    operator = Operator(index=-1, op=COPY, inputs=(tensor.index,), outputs=(tensor.index,), attributes=NoAttributes())
    row_call = RowCall(call=call, windows=(Window(layout=layout),), takes_rows=True, geometry=geometry)
    return RowStep(operator=operator, call=row_call, sources=(source,), target=target)
