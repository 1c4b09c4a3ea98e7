"""Connections to a board: a serial port, a pseudo-terminal or TCP; all are pyserial ports."""

from __future__ import annotations

import termios
from dataclasses import dataclass

import serial
from serial.tools import list_ports

from asc_kit.errors import BoardError

DEFAULT_BAUD = 115_200
# A read returns after this time at the latest, so that Ctrl-C and deadlines are noticed.
READ_TIMEOUT_S = 0.05
WRITE_TIMEOUT_S = 5.0

# Errors of a port that was unplugged, or whose emulator ended.
PORT_ERRORS = (serial.SerialException, OSError, termios.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortInfo:
    """A serial port of this machine."""

    path: str
    """Value for --port."""
    description: str
    """Name in the system."""
    hardware_id: str
    """USB vendor and product, serial number, location; empty if there is none."""


def available_ports() -> tuple[PortInfo, ...]:
    """List the serial ports of this machine, sorted by path."""
    ports = [
        PortInfo(
            path=port.device,
            description="" if port.description == "n/a" else port.description,
            hardware_id="" if port.hwid == "n/a" else port.hwid,
        )
        for port in list_ports.comports()
    ]
    return tuple(sorted(ports, key=lambda port: port.path))


def open_port(path: str, baud: int = DEFAULT_BAUD) -> serial.Serial:
    """Open a port by its path or by a pyserial URL, such as ``/dev/ttyACM0`` or ``socket://host:port``.

    Raises
    ------
    BoardError
        If there is no such port, if it is in use, or if it may not be opened.
    """
    is_url = "://" in path
    try:
        port = serial.serial_for_url(
            path,
            baudrate=baud,
            timeout=READ_TIMEOUT_S,
            write_timeout=WRITE_TIMEOUT_S,
            # two programs on a line would steal each other's bytes; URLs have no locks
            exclusive=None if is_url else True,
        )
    except PORT_ERRORS as failure:
        hint = "is the server up, and the address right?" if is_url else "ports of this machine: asc-kit ports"
        if isinstance(failure, PermissionError) or getattr(failure, "errno", None) == 13:
            hint = "add yourself to the port's group, often dialout: sudo usermod -aG dialout $USER"
        raise BoardError(f"port {path} cannot be opened: {failure}", hint=hint) from failure
    except (ValueError, OverflowError, KeyError) as failure:
        # a rate beyond 31 bits is an OverflowError; pyserial's own complaint about a URL's option is a KeyError
        raise BoardError(
            f"port {path} cannot be opened: {failure}", hint="give a path such as /dev/ttyACM0 or socket://host:port"
        ) from failure
    try:
        # discard a board's earlier bytes for another program
        port.reset_input_buffer()
    except PORT_ERRORS:
        pass
    return port
