"""Keep the chatter of native libraries off the terminal."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Stderr belongs to the whole process: of two threads at once, the second would save the first one's sink as what is to
# be restored, and nothing would ever be seen again. Reentrant, for a block within a block.
_STDERR = threading.RLock()


@contextmanager
def hidden_stderr() -> Iterator[None]:
    """Hide what is written to stderr in the block, native code's output and warnings included.

    It is shown after all if the block fails. TensorFlow also logs less from here on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _STDERR, tempfile.TemporaryFile() as sink, warnings.catch_warnings():
        sys.stderr.flush()
        saved = os.dup(2)
        warnings.simplefilter("ignore")
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except Exception:
            sys.stderr.flush()
            sink.seek(0)
            os.write(saved, sink.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)


@contextmanager
def without_c_messages() -> Iterator[None]:
    """Send what C libraries print on stderr nowhere, from any thread; Python's own stderr stays.

    PortAudio and ALSA print internals of theirs whenever a server comes or goes. The C library's variable ``stderr`` is
    exchanged: descriptor 2 stays as it is. Where that variable is not known to be one (another C library than glibc),
    nothing is done.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    program = ctypes.CDLL(None)
    program.fopen.restype = ctypes.c_void_p
    variable = ctypes.c_void_p.in_dll(program, "stderr")
    nowhere = program.fopen(os.fsencode(os.devnull), b"w")
    if not nowhere:
        yield
        return
    saved = variable.value
    variable.value = nowhere
    try:
        yield
    finally:
        # a thread may still print: the file stays open
        variable.value = saved
