"""The error tree. Libraries raise these; only the command line prints them."""

from __future__ import annotations

from typing import ClassVar


class AscKitError(Exception):
    """Base of all errors that asc-kit raises on purpose.

    Parameters
    ----------
    message
        Failure and expectation, and the value received if that helps.
    hint
        Cure, as an instruction or a command.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class DataError(AscKitError):
    """Recordings, their tables or a folder of them are missing, unreadable or inconsistent."""


class SpecError(AscKitError):
    """A specification or a file that holds one is invalid."""


class BundleError(AscKitError):
    """A bundle is missing, damaged or of another schema."""


class ModelError(AscKitError):
    """A model cannot be read, built, converted or compiled."""

    def in_file(self, path: object) -> ModelError:
        """Return the same error with the name of the file, because readers of flatbuffers know only its content."""
        return self if str(path) in self.message else ModelError(f"{path}: {self.message}", hint=self.hint)


class ToolError(AscKitError):
    """A compiler, an emulator or a Python package that a command needs is missing or failed."""


class BoardError(AscKitError):
    """A board, or the link to it, does not do what it must."""

    exit_code = 3


class MismatchError(AscKitError):
    """A result differs from its golden, or misses a threshold."""

    exit_code = 4
