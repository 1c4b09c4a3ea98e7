"""`live` as a service of systemd: its unit, and what it tells the supervisor while it runs.

Source: sd_notify(3), systemd.service(5): one datagram per message to the socket in ``NOTIFY_SOCKET``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# A third of the supervisor's patience: one late message changes nothing.
_SHARE = 1 / 3
_PATIENCE_S = 60


class Supervisor:
    """Tells systemd that sources are open, what is heard, and that this process is alive; without systemd, nothing.

    Parameters
    ----------
    environment
        Variables of this process.
    sources
        Sources that must all be alive.
    clock
        Seconds that never go back.
    """

    def __init__(
        self, environment: Mapping[str, str], sources: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._clock = clock
        is_mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        patience = environment.get("WATCHDOG_USEC", "") if is_mine else ""
        self._interval_s = _SHARE * int(patience) / 1e6 if patience.isdecimal() else None
        self._sources = sources
        self._alive: set[int] = set()
        self._told_s = clock()

    def ready(self) -> None:
        """Tell that everything is open."""
        self._tell("READY=1")

    def status(self, words: str) -> None:
        """Tell what ``systemctl status`` shows."""
        self._tell("STATUS=" + " ".join(words.split()))

    def alive(self, source: int) -> None:
        """Tell that a source is listened to; the supervisor hears when all of them are."""
        if self._interval_s is None:
            return
        self._alive.add(source)
        now_s = self._clock()
        if len(self._alive) == self._sources and now_s - self._told_s >= self._interval_s:
            self._told_s = now_s
            self._alive.clear()
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Tell that the end has begun."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        # a name that begins with @ is one of Linux's abstract ones
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # a supervisor that is away must not end the listening
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(message.encode(), address)


def in_journal(environment: Mapping[str, str]) -> bool:
    """Return whether the journal takes the output: then no line is broken to fit a terminal."""
    return "JOURNAL_STREAM" in environment


def unit_text(program: Sequence[str], arguments: Sequence[str], folder: Path) -> str:
    """Return a unit of the user's systemd that runs ``live`` with these arguments.

    Parameters
    ----------
    program
        The command without arguments.
    arguments
        Arguments of ``live``; relative paths among them start at `folder`.
    """
    command = " ".join(_quoted(word) for word in (*program, "live", *arguments))
    return f"""\
# asc-kit live … --print-service > ~/.config/systemd/user/asc-kit-live.service
# systemctl --user daemon-reload
# systemctl --user enable --now asc-kit-live
# sudo loginctl enable-linger $USER            # from the start of the machine, without logging in
# journalctl --user -u asc-kit-live -f
[Unit]
Description=Acoustic scenes, live
After=pipewire.service pulseaudio.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
WorkingDirectory={str(folder).replace("%", "%%")}
EnvironmentFile=-%h/.config/asc-kit-live.env
ExecStart={command}
Restart=on-failure
RestartSec=5
TimeoutStartSec=infinity
WatchdogSec={_PATIENCE_S}

[Install]
WantedBy=default.target
"""


def _quoted(word: str) -> str:
    r"""Quote a word for ExecStart: ``%`` and ``$`` are doubled, ``"`` and ``\`` escaped."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if escaped and not set(" \t'\"\\;") & set(word) else f'"{escaped}"'
