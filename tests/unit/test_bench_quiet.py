"""Interpreters loaded in several threads at once must leave stderr as it was."""

from __future__ import annotations

import os
import threading
import time

from asc_kit.process.native_output import hidden_stderr


def test_stderr_comes_back_after_two_threads_hid_it_at_once() -> None:
    before = os.fstat(2)
    is_first_over = threading.Event()

    def hide_until_the_first_is_over() -> None:
        with hidden_stderr():
            is_first_over.wait(10)

    second = threading.Thread(target=hide_until_the_first_is_over)
    with hidden_stderr(), hidden_stderr():
        second.start()
        time.sleep(0.1)  # time to begin inside the first one's block, if nothing forbids it
    is_first_over.set()
    second.join()
    after = os.fstat(2)
    assert (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)
