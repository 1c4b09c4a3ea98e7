"""Output for people: tables and progress on stderr, so that stdout holds only results."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment

from asc_kit.text import escape_controls


class PipeConsole(Console):
    """A console whose reader may go away (``| head``).

    The command line then ends quietly, where rich would exit with 1. Control characters in a text are escaped: only
    rich itself sends them to the terminal. ``:bus:`` stays text instead of becoming a picture.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render into pieces of text that no terminal obeys."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escape_controls(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Raise the error that rich is handling when it calls this."""
        raise


console = PipeConsole(stderr=True, highlight=False)


def print_line(text: str) -> None:
    """Print a text on stderr as it stands: no markup, no breaks but its own."""
    console.print(text, soft_wrap=True, markup=False)


@functools.cache
def note(text: str) -> None:
    """Print a note on stderr, each text only once."""
    print_line(f"Note: {text}")


@contextmanager
def progress_bar(title: str, total: int | None = None) -> Iterator[tuple[Progress, TaskID]]:
    """Show a progress bar while the block runs; gives the bar and its task's number.

    Example: ``with progress_bar("clips", 100) as (bar, task): bar.advance(task)``.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(title, total=total, note="")
        yield bar, task
