"""Boards that this machine emulates: started here, reached through a terminal device, always ended."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from asc_kit.errors import BoardError, ToolError
from asc_kit.hardware.board import Board, EmulatorSpec
from asc_kit.records.files import temporary_folder

_START_TIMEOUT_S = 10.0
_END_TIMEOUT_S = 2.0
_LONGEST_COMPLAINT = 2000
# QEMU and the native firmware both announce their line in this way.
_PORT_LINE = re.compile(rb"char device redirected to (\S+)")
_PACKAGES = {"qemu-system-arm": "qemu-system-arm"}
_PR_SET_PDEATHSIG = 1
# The serial line as a terminal device, through QEMU's multiplexer for its buffer of 32 bytes: without it the emulator's
# threads take turns for every byte, at a quarter of the speed. No byte is the multiplexer's escape character 256.
_LINE = ("-echr", "256", "-chardev", "pty,id=line,mux=on", "-serial", "chardev:line")


class Emulator:
    """A running emulator. Made by `emulate`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, control: socket.socket | None) -> None:
        self.process = process
        self.port = ""
        self._folder = folder
        self._control = control

    def start(self) -> None:
        """Start the processor; the line must be open by then, or the first bytes would be lost."""
        if self._control is not None:
            _qmp(self._control, "qmp_capabilities")
            _qmp(self._control, "cont")

    def reset(self) -> None:
        """Press the board's reset button; a native program has none."""
        if self._control is None:
            raise BoardError("a native program cannot be reset")
        _qmp(self._control, "system_reset")

    @property
    def has_reset(self) -> bool:
        """Whether `reset` is possible."""
        return self._control is not None

    def complaints(self) -> str:
        """Return the emulator's standard error, and the guest errors that it noticed."""
        texts = [path.read_text(errors="replace") for path in sorted(self._folder.glob("*.log"))]
        return "\n".join(text.strip() for text in texts if text.strip())[-_LONGEST_COMPLAINT:]

    def end(self) -> None:
        """End it, politely if it listens."""
        process = self.process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, self._control):
            if pipe is not None:
                pipe.close()

    def wait_for_port(self) -> None:
        """Wait until it announces its line."""
        assert self.process.stdout is not None
        self.port = _read_port(self.process.stdout, time.monotonic() + _START_TIMEOUT_S)
        if not self.port:
            code = self.process.poll()
            state = "did not say where its serial line is" if code is None else f"ended with code {code}"
            raise BoardError(
                f"the emulator {state} within {_START_TIMEOUT_S:.0f} s: {self.complaints() or 'no output'}"
            )


@contextlib.contextmanager
def emulate(board: Board, image: Path, *, processor: int | None = None) -> Iterator[Emulator]:
    """Run a board's firmware on this machine while the block lasts.

    Parameters
    ----------
    board
        The board; must have an emulator.
    image
        Its firmware.
    processor
        Number of the host's processor to run on; None for any. An emulator's two threads hand every byte of the line
        to each other, which takes half the time when they share a processor.

    Raises
    ------
    ToolError
        If the emulator is not installed.
    BoardError
        If it does not start, or if it ends before the block.
    """
    spec = board.emulator
    if spec is None:
        raise BoardError(f"board {board.name} has no emulator", hint="plug it in and give its --port")
    require_emulator(spec)
    with temporary_folder("emulator") as folder:
        with _on_processor(processor):
            emulator = _launch(spec, image, folder)
        try:
            emulator.wait_for_port()
            yield emulator
        except BoardError as failure:
            # the line broke because the emulator is gone: report that
            with contextlib.suppress(subprocess.TimeoutExpired):
                emulator.process.wait(0.2)
            code = emulator.process.poll()
            if code is None:
                raise
            raise BoardError(
                f"the emulator ended in the middle, with code {code}: {emulator.complaints() or 'no output'}"
            ) from failure
        finally:
            emulator.end()


def require_emulator(spec: EmulatorSpec) -> None:
    """Refuse at once when the emulator is not installed."""
    if spec.kind == "qemu" and shutil.which(spec.program) is None:
        package = _PACKAGES.get(spec.program, spec.program)
        raise ToolError(f"the emulator {spec.program} is not installed", hint=f"sudo apt-get install {package}")


def _launch(spec: EmulatorSpec, image: Path, folder: Path) -> Emulator:
    control: socket.socket | None = None
    inherited: tuple[int, ...] = ()
    with contextlib.ExitStack() as stack:
        if spec.kind == "qemu":
            control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            control.settimeout(_START_TIMEOUT_S)
            stack.callback(theirs.close)
            inherited = (theirs.fileno(),)
            command = [
                spec.program,
                *spec.args,
                *("-kernel", str(image), "-display", "none", "-monitor", "none", "-S", *_LINE),
                *("-chardev", f"socket,id=control,fd={theirs.fileno()}", "-mon", "chardev=control,mode=control"),
                *("-d", "guest_errors,unimp", "-D", str(folder / "guest.log")),
            ]
        else:
            command = [str(image.resolve())]
        errors: IO[bytes] = stack.enter_context((folder / "stderr.log").open("wb"))
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=inherited,
                # Ctrl-C is for this process, which ends the emulator itself
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )
        except OSError as failure:
            if control is not None:
                control.close()
            raise BoardError(f"{command[0]} cannot be started: {failure}") from failure
    return Emulator(process, folder, control)


def _die_with_parent() -> Callable[[], None] | None:
    """Return a function that makes a child die with this process, however that ends; Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    # looked up here, because after the fork nothing may be loaded
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask


@contextlib.contextmanager
def _on_processor(number: int | None) -> Iterator[None]:
    """Run the block, and the children that it starts, on one of the processors that this process may use."""
    if number is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[number % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _read_port(output: IO[bytes], deadline: float) -> str:
    text = b""
    while (remaining := deadline - time.monotonic()) > 0:
        if not select.select([output], [], [], remaining)[0]:
            break
        data = os.read(output.fileno(), 4096)
        if not data:
            break
        text += data
        if (match := _PORT_LINE.search(text)) is not None and match.end() < len(text):
            return match[1].decode()
    return ""


def _qmp(control: socket.socket, command: str) -> None:
    """Give the emulator a command and wait for its completion; greetings and events are skipped."""
    try:
        control.sendall(json.dumps({"execute": command}).encode() + b"\n")
        lines = b""
        while True:
            data = control.recv(4096)
            if not data:
                raise BoardError(f"the emulator closed its control line at {command}")
            lines += data
            *complete, lines = lines.split(b"\n")
            for line in complete:
                answer = json.loads(line)
                if "return" in answer:
                    return
                if "error" in answer:
                    raise BoardError(f"the emulator refused {command}: {answer['error']}")
    except (OSError, json.JSONDecodeError) as failure:
        raise BoardError(f"the emulator's control line failed at {command}: {failure}") from failure
