"""Events of several sources as they come, each source in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from .blocks import Batch

T = TypeVar("T")

# a terminal that is slow makes the sources wait
_MOST_WAITING = 100
_END_S = 2.0


def merge(begin: Sequence[Callable[[], Iterable[T]]], stop: threading.Event) -> Iterator[tuple[int, T]]:
    """Yield the items of several iterators with the numbers of these, in the order in which they come.

    A failure of one ends all. One iterator runs in this thread.

    Parameters
    ----------
    begin
        Makes each iterator.
    stop
        Set at the end; the iterators must then end soon.
    """
    if len(begin) == 1:
        yield from ((0, item) for item in begin[0]())
        return
    items: queue.Queue[tuple[int, T] | Exception | None] = queue.Queue(_MOST_WAITING)

    def put(item: tuple[int, T] | Exception | None) -> None:
        while not stop.is_set():
            try:
                items.put(item, timeout=0.25)
                return
            except queue.Full:
                continue

    def run(number: int) -> None:
        try:
            for item in begin[number]():
                put((number, item))
                if stop.is_set():
                    return
        except Exception as failure:  # raised again where the items are taken
            put(failure)
        put(None)

    threads = [threading.Thread(target=run, args=(n,), name=f"source-{n}", daemon=True) for n in range(len(begin))]
    for thread in threads:
        thread.start()
    try:
        running = len(threads)
        while running:
            try:
                # a wait without end would not hear Ctrl-C everywhere
                item = items.get(timeout=0.5)
            except queue.Empty:
                continue
            if isinstance(item, Exception):
                raise item
            if item is None:
                running -= 1
            else:
                yield item
    finally:
        stop.set()
        for thread in threads:
            thread.join(_END_S)


def until(stop: threading.Event, batches: Iterable[Batch], alive: Callable[[], None]) -> Iterator[Batch]:
    """Yield batches until a stop, and call `alive` before each."""
    for batch in batches:
        if stop.is_set():
            return
        alive()
        yield batch
