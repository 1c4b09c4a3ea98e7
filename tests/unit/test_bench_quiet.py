"""Interpreters loaded in several threads at once must leave stderr as it was."""

from __future__ import annotations

import os
import threading

from asc_kit.native_output import hidden_stderr


def test_stderr_comes_back_after_threads_hid_it_at_once() -> None:
    before = os.fstat(2)
    barrier = threading.Barrier(4)

    def hide() -> None:
        barrier.wait()
        for _ in range(50):
            with hidden_stderr(), hidden_stderr():
                os.write(2, b"nobody reads this\n")

    threads = [threading.Thread(target=hide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = os.fstat(2)
    assert (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)
