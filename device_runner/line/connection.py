"""From the name of a board or a port to sessions with boards that run the bundle."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from asc_kit.bundle import Bundle
from asc_kit.errors import BoardError
from asc_kit.firmware import MANIFEST, FirmwareManifest, read_firmware
from asc_kit.hardware.board import Board

from .emulator import emulate
from .link import Link
from .session import Session
from .transport import DEFAULT_BAUD, open_port


def connect_port(stack: ExitStack, path: str, baud: int, bundle: Bundle, board: Board | None = None) -> Session:
    """Greet the board on a port; the line is closed with `stack`.

    Parameters
    ----------
    board
        Its description; None to look for it among the boards that go by a name.

    Raises
    ------
    BoardError
        If there is no such port, nobody answers, or the board does not run the bundle.
    """
    session = Session(_open(stack, path, baud), board)
    stack.callback(session.close)
    session.check(bundle.manifest)
    return session


def start_boards(
    stack: ExitStack, board: Board, bundle: Bundle, folder: Path, firmware: FirmwareManifest, jobs: int
) -> tuple[Session, ...]:
    """Start emulated boards side by side, each on its own processor while processors last; ended with `stack`.

    Parameters
    ----------
    folder
        The firmware's folder.
    firmware
        Its manifest.
    jobs
        Number of boards.

    Raises
    ------
    BoardError
        If the firmware was not built, or if an emulator does not start or answer.
    """
    if firmware.image is None:
        raise BoardError(f"the firmware in {folder} is not built", hint="asc-kit firmware BUNDLE --board NAME --build")
    sessions = []
    for number in range(jobs):
        processor = os.getpid() + number
        emulator = stack.enter_context(emulate(board, folder / firmware.image, processor=processor))
        link = _open(stack, emulator.port)
        emulator.start()
        session = Session(link, board)
        stack.callback(session.close)
        session.check(bundle.manifest, firmware_id=firmware.firmware_id)
        sessions.append(session)
    return tuple(sessions)


def firmware_of(bundle: Bundle, session: Session) -> FirmwareManifest | None:
    """Return the manifest of the firmware the board runs, if it was made from this bundle in its usual place."""
    folder = bundle.path / "firmware" / session.hello.board
    if not (folder / MANIFEST).is_file():
        return None
    firmware = read_firmware(folder)
    return firmware if firmware.firmware_id == session.hello.firmware_id else None


def _open(stack: ExitStack, path: str, baud: int = DEFAULT_BAUD) -> Link:
    link = Link(open_port(path, baud))
    stack.callback(link.close)
    return link
