"""Who writes files by himself: named here with a reason, so that a new way round `asc_kit.outputs` is noticed."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("asc_kit", "train", "export", "firmware_gen", "device_runner")
# what changes files: functions of os and shutil, methods of Path, and ours
_CALLS = {
    "write_text", "write_bytes", "write_json", "replace", "rename", "link", "unlink", "remove", "rmtree", "rmdir",
    "copyfile", "copytree", "copy", "copy2", "move", "mkstemp", "mkdtemp", "savez", "savez_compressed", "savefig",
}  # fmt: skip
_MODULES = {"os", "shutil", "tempfile", "np"}
_METHODS = {"write_text", "write_bytes", "unlink", "rename", "rmdir"}
_OURS = {"write_text", "write_bytes", "write_json"}

ALLOWED = {
    "asc_kit/records/files.py": "the one place where files are made whole",
    "asc_kit/outputs/claiming.py": "work folders, which it makes and removes",
    "asc_kit/outputs/exchanging.py": "the one place where files are replaced",
    "asc_kit/outputs/writing.py": "whole folders, through the two",
    "asc_kit/records/record.py": "write_json, for files in a folder of `new_folder`",
    "asc_kit/recordings/clips.py": "a file without a name, for recordings that are larger than memory",
    "export/bundling.py": "into the folder of `new_folder`",
    "export/variants.py": "into the folder of `new_folder`, which bundling gives",
    "firmware_gen/generate.py": "into the folder of `new_folder`",
    "firmware_gen/projects/writing.py": "into the folder of `new_folder`",
    "firmware_gen/write/build.py": "the manifest, in the folder of `new_folder`, which generate gives",
    "train/synth/writer.py": "into the folder of `new_folder`",
    "train/session.py": "into RUN.partial",
    "train/recipe.py": "into RUN.partial",
    "train/fitting/run_log.py": "into RUN.partial",
    "train/fitting/loop.py": "into RUN.partial",
    "device_runner/commands/bench.py": "into a folder that this measurement made for itself",
    "device_runner/bench/journal.py": "a journal of its own, linked to a name that must be free",
    "device_runner/bench/place.py": "folders that it made, where they are empty",
    "device_runner/streams/session.py": "into a folder that this measurement made for itself",
    "device_runner/outlets/recordings.py": "a folder that it made or found empty, and marked; only its own names go",
    "device_runner/outlets/log.py": "a log of its own, checked by its first line, which it appends to and rotates",
    "device_runner/cycles/bench.py": "cycles.json beside results.json, in that folder",
    "device_runner/cycles/plugin.py": "a program in the kit's own cache; notes in a temporary folder",
    "device_runner/line/emulator.py": "a log in a temporary folder",
    "train/fitting/checkpoint.py": "into RUN.partial",
    "train/fitting/working_folder.py": "RUN.partial itself, which is locked and known by its lock file",
    "train/datasets/official_splits.py": "files that are not there, and its own record, which is read first",
}


def writes(path: Path) -> list[str]:
    """The calls in a module that change files."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in _OURS:
            found.append(called.id)
        elif isinstance(called, ast.Attribute) and called.attr in _CALLS:
            owner = called.value.id if isinstance(called.value, ast.Name) else ""
            if owner in _MODULES or called.attr in _METHODS:
                found.append(f"{owner}.{called.attr}")
        elif (isinstance(called, ast.Name) and called.id == "open") or (
            isinstance(called, ast.Attribute) and called.attr == "open"
        ):
            modes = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if any(isinstance(mode, str) and set(mode) <= set("rwaxbt+") and set(mode) & set("wax") for mode in modes):
                found.append("open")
    return found


def test_writers_are_known() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): calls
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if (calls := writes(path))
    }
    unknown = {path: calls for path, calls in found.items() if path not in ALLOWED}
    assert not unknown, "write by way of asc_kit.outputs, or say here why a file of the user's is safe"
