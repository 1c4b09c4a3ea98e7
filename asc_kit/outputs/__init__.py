"""The output of commands: lists of files, so that nothing else is ever replaced, and folders that change as a whole."""

from asc_kit.outputs.exchanging import partial_folder
from asc_kit.outputs.inventory import INVENTORY, OutputKind
from asc_kit.outputs.refusing import RefusedError
from asc_kit.outputs.writing import (
    check_file,
    check_output,
    new_folder,
    publish,
    write_file,
    write_files,
)

__all__ = [
    "INVENTORY",
    "OutputKind",
    "RefusedError",
    "check_file",
    "check_output",
    "new_folder",
    "partial_folder",
    "publish",
    "write_file",
    "write_files",
]
