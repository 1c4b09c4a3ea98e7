"""Interpreters loaded in several threads at once must leave stderr as it was."""

from __future__ import annotations

import os
import threading

import pytest

from asc_kit.process import native_output
from asc_kit.process.native_output import hidden_stderr


class WatchedLock:
    """A lock that tells when a thread other than the one that made it asks for it."""

    def __init__(self) -> None:
        self.is_asked_for = threading.Event()
        self._lock = threading.RLock()
        self._maker = threading.get_ident()

    def __enter__(self) -> None:
        if threading.get_ident() != self._maker:
            self.is_asked_for.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_stderr_comes_back_after_two_threads_hid_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.fstat(2)
    lock, is_inside, is_first_over = WatchedLock(), threading.Event(), threading.Event()
    monkeypatch.setattr(native_output, "_STDERR", lock)

    def hide_until_the_first_is_over() -> None:
        with hidden_stderr():
            is_inside.set()
            is_first_over.wait(10)

    second = threading.Thread(target=hide_until_the_first_is_over)
    with hidden_stderr(), hidden_stderr():
        second.start()
        # whoever asks for no lock gets inside at once
        assert lock.is_asked_for.wait(10) and not is_inside.is_set()
    is_first_over.set()
    second.join()
    after = os.fstat(2)
    assert is_inside.is_set() and (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)
