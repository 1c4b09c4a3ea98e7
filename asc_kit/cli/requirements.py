"""The requirements of each use of asc-kit: Python packages and tools, and the command that installs each.

One table for ``asc-kit doctor`` (what is missing?) and for the Makefile (install it).
"""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import os
import platform
import re
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Use = Literal["train", "firmware", "board", "live", "test"]
USES: dict[Use, str] = {
    "train": "train, evaluate, export",
    "firmware": "write and build firmware",
    "board": "bench on a board or an emulator, report",
    "live": "listen to a microphone",
    "test": "develop asc-kit",
}
# A way to use the kit as a whole -> the uses that it needs.
PROFILES: dict[str, tuple[Use, ...]] = {
    "demo": ("train", "firmware", "board"),
    "pi": ("live",),
    "test": ("train", "firmware", "board", "live", "test"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A requirement."""

    name: str
    """Name."""
    uses: tuple[Use, ...]
    """Uses that need it."""
    find: Callable[[], str | None]
    """Returns its version (or that it exists), None if it is missing."""
    remedy: str
    """The command that installs it."""
    debian_package: str | None = None
    """Debian package, if it is a tool of the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The state of a requirement."""

    name: str
    uses: tuple[Use, ...]
    version: str | None
    """Installed version; None if it is missing."""
    remedy: str
    debian_package: str | None


def inspect_machine(uses: Iterable[Use] = tuple(USES)) -> tuple[Finding, ...]:
    """Check every requirement of the given uses."""
    wanted = set(uses)
    return tuple(
        Finding(
            name=item.name,
            uses=item.uses,
            version=item.find(),
            remedy=item.remedy,
            debian_package=item.debian_package,
        )
        for item in REQUIREMENTS
        if wanted & set(item.uses)
    )


def machine_words(
    machine: str | None = None, bits: int = 8 * struct.calcsize("P"), device_tree: Path = Path("/proc/device-tree")
) -> list[str]:
    """Return what this machine is, and what of it stands in the way of installing, for people.

    Parameters
    ----------
    machine
        The kernel's name of the processor.
    bits
        Width of this Python's pointers.
    device_tree
        Folder with the model of a single-board computer, if it is one.
    """
    machine = machine or platform.machine()
    try:
        model = (device_tree / "model").read_text(errors="replace").strip("\0\n ")
    except OSError:
        model = ""
    python = f"Python {platform.python_version()}, {bits} bit"
    words = [f"{model or machine}: {machine} kernel, {python}"]
    if bits == 32 and machine == "aarch64":
        words.append(
            "This is a 32-bit system on a 64-bit kernel: pip takes it for 64 bit and finds no wheels that fit. Use the "
            "64-bit Raspberry Pi OS (same card, same Pi from model 3 on), or write arm_64bit=0 into "
            "/boot/firmware/config.txt and start again, for a 32-bit kernel."
        )
    elif bits == 32 and machine.startswith("arm"):
        words.append(
            "A 32-bit system: there is no LiteRT for it; tflite-runtime needs Python 3.11 or earlier and NumPy 1. The "
            "64-bit Raspberry Pi OS runs on every Pi from model 3 and Zero 2 on."
        )
    if machine.startswith(("aarch64", "arm")) and not Path("/proc/cpuinfo").exists():
        words.append("/proc/cpuinfo is missing: LiteRT would end with a segmentation fault; mount /proc.")
    return words


def _python(distribution: str, *uses: Use, extra: str, alternatives: tuple[str, ...] = ()) -> Requirement:
    def find() -> str | None:
        for name in (distribution, *alternatives):
            try:
                return importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        return None

    return Requirement(name=distribution, uses=uses, find=find, remedy=f"pip install 'asc-kit[{extra}]'")


def _tool(program: str, package: str, *uses: Use) -> Requirement:
    def find() -> str | None:
        if shutil.which(program) is None:
            return None
        try:
            output = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return "does not answer --version"
        number = re.search(r"\d+(\.\d+)+", output.stdout or output.stderr)
        return number.group() if number else "found"

    return _system(program, package, find, *uses)


def _system(name: str, package: str, find: Callable[[], str | None], *uses: Use) -> Requirement:
    return Requirement(
        name=name, uses=uses, find=find, remedy=f"sudo apt-get install {package}", debian_package=package
    )


def _newlib() -> str | None:
    try:
        command = ["arm-none-eabi-gcc", "-print-file-name=nano.specs"]
        path = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return "found" if "/" in path else None


def _portaudio() -> str | None:
    return ctypes.util.find_library("portaudio")


def _mosquitto() -> str | None:
    # Debian keeps the broker where users do not look
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def _c_library_headers() -> str | None:
    if shutil.which("gcc") is None:
        return None
    test = subprocess.run(
        ["gcc", "-E", "-x", "c", "-"], input="#include <stdlib.h>\n", capture_output=True, text=True, check=False
    )
    return "found" if test.returncode == 0 else None


def _alsa_pulse() -> str | None:
    return "found" if next(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"), None) else None


REQUIREMENTS: tuple[Requirement, ...] = (
    _python("tensorflow-cpu", "train", extra="train", alternatives=("tensorflow",)),
    _python("keras", "train", extra="train"),
    _python("tflite", "train", "firmware", "board", extra="export"),
    _python("jinja2", "firmware", "board", extra="device"),
    _python("pyelftools", "firmware", "board", extra="device"),
    _python("ai-edge-litert", "train", "board", "live", extra="device", alternatives=("tflite-runtime",)),
    _python("pyserial", "board", extra="device"),
    _python("cobs", "board", extra="device"),
    _python("matplotlib", "board", extra="device"),
    _python("sounddevice", "live", "test", extra="pi"),
    _python("pulsectl", "live", "test", extra="pi"),
    _python("paho-mqtt", "live", "test", extra="pi"),
    _python("prometheus-client", "live", "test", extra="pi"),
    _python("pytest", "test", extra="dev"),
    _python("hypothesis", "test", extra="dev"),
    _python("ruff", "test", extra="dev"),
    _python("mypy", "test", extra="dev"),
    _tool("make", "make", "firmware", "board"),
    _tool("gcc", "gcc", "firmware", "board"),
    _system("C library headers", "libc6-dev", _c_library_headers, "firmware", "board"),
    _tool("arm-none-eabi-gcc", "gcc-arm-none-eabi", "firmware", "board"),
    _system("newlib for Arm", "libnewlib-arm-none-eabi", _newlib, "firmware", "board"),
    _tool("qemu-system-arm", "qemu-system-arm", "board"),
    _system("PortAudio", "libportaudio2", _portaudio, "live"),
    _tool("g++", "g++", "test"),
    _tool("clang", "clang", "test"),
    _tool("pulseaudio", "pulseaudio", "test"),
    _tool("pactl", "pulseaudio-utils", "test"),
    _system("mosquitto", "mosquitto", _mosquitto, "test"),
    _system("ALSA plugins", "libasound2-plugins", _alsa_pulse, "test"),
)
