"""Keep the chatter of native libraries off the terminal."""

from __future__ import annotations

import os
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
