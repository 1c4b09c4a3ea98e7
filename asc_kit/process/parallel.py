"""A function for many items, on all cores, with a progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from asc_kit.process.console import progress_bar

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    work: Callable[[T], R], items: Sequence[T], title: str, *, threads: int | None = None, at_once: int = 1
) -> list[R]:
    """Call a function with every item, in threads.

    For work that leaves the interpreter free: decoding, hashing, native code.

    Parameters
    ----------
    work
        The function.
    items
        Its arguments.
    title
        Title of the progress bar.
    threads
        Number of threads; None for one per processor.
    at_once
        Items that a thread takes at a time: many, if each takes little time.

    Returns
    -------
    list
        The results, in the order of the items. The first failure among them is raised.
    """
    batches = [items[start : start + at_once] for start in range(0, len(items), at_once)]
    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)
    results: list[R] = []
    try:
        with progress_bar(title, len(items)) as (bar, task):
            for batch in pool.map(lambda batch: [work(item) for item in batch], batches):
                results += batch
                bar.advance(task, len(batch))
    finally:
        # a failure or Ctrl-C must not wait for thousands of items still queued
        pool.shutdown(cancel_futures=True)
    return results
