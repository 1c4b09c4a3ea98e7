"""A page that shows the scene now and the history of the day, served by this process."""

from __future__ import annotations

import ipaddress
import json
import queue
import socket
import threading
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.cli.output import json_text
from asc_kit.errors import AscKitError

from ..listening.events import Heard, Unheard
from .metrics import Metrics
from .report import Origin, Report

_DAY_MINUTES = 24 * 60
_MOST_CHANGES = 2000
_MOST_READERS = 32
_QUEUE = 100
_QUIET_S = 15.0
_BANDS = 48
_LOWEST_DB, _HIGHEST_DB = -100.0, -10.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the page is served."""

    host: str
    port: int

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback


def read_address(text: str) -> Address:
    """Read ``PORT`` or ``ADDRESS:PORT``; an address alone decides who may look.

    Raises
    ------
    AscKitError
        When it is neither.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    try:
        if host != "localhost":
            ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise AscKitError(
            f"--web {text} is not a port",
            hint="give a port, as 8080, or ADDRESS:PORT; 0.0.0.0:8080 lets other machines in too",
        )
    return Address(host, number)


def spectrum_db(window: NDArray[np.float32], rate_hz: int, bands: int = _BANDS) -> list[int]:
    """Return the levels of a window in bands equally wide on a logarithmic scale from 50 Hz up, in whole dBFS.

    Parameters
    ----------
    window
        Audio, [n], full scale ±1.
    rate_hz
        Its sampling rate.
    """
    n = min(len(window), 4096)
    frames = window[len(window) - len(window) // n * n :].reshape(-1, n) * np.hanning(n)
    energy = np.mean(np.abs(np.fft.rfft(frames, axis=1)) ** 2, axis=0) / (0.375 * n * n / 2)
    edges = np.geomspace(50, rate_hz / 2, bands + 1) / rate_hz * n
    starts = np.minimum(edges.astype(int), len(energy) - 1)
    sums = np.add.reduceat(energy, starts)[:bands]
    return [round(float(level)) for level in np.clip(10 * np.log10(sums + 1e-12), _LOWEST_DB, _HIGHEST_DB)]


class History:
    """What the page shows of the time before it was opened: scene changes, and the scenes of each minute of a day."""

    def __init__(self) -> None:
        self.changes: deque[dict[str, object]] = deque(maxlen=_MOST_CHANGES)
        self.minutes: deque[tuple[str, Counter[str]]] = deque(maxlen=_DAY_MINUTES)
        self._scene: str | None = None

    def take(self, utc: str, scene: str, probability: float) -> None:
        """Count one window."""
        minute = utc[:16]
        if not self.minutes or self.minutes[-1][0] != minute:
            self.minutes.append((minute, Counter()))
        self.minutes[-1][1][scene] += 1
        if scene != self._scene:
            self._scene = scene
            self.changes.append({"utc": utc, "scene": scene, "probability": round(probability, 3)})

    def document(self) -> dict[str, object]:
        """Return it as plain data: of each minute the scene that was said most."""
        minutes = [{"utc": minute, "scene": counts.most_common(1)[0][0]} for minute, counts in list(self.minutes)]
        return {"minutes": minutes, "changes": list(self.changes)[-200:]}


class WebOutlet:
    """Serves the page, its history, a stream of events, and metrics for Prometheus.

    Parameters
    ----------
    address
        Where.
    origin
        Who listens.
    rate_hz
        Sampling rate of the windows.

    Raises
    ------
    AscKitError
        When the port cannot be opened.
    """

    def __init__(self, address: Address, origin: Origin, rate_hz: int) -> None:
        self._origin, self._rate_hz = origin, rate_hz
        self._metrics = Metrics(origin)
        self._history = History()
        self._lock = threading.Lock()
        self._readers: list[queue.Queue[str | None]] = []
        self._is_open = True
        self._newest: str | None = None
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        outlet = self

        class Handler(_Handler):
            web = outlet

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in address.host else socket.AF_INET

        try:
            self._server = Server((address.host, address.port), Handler)
        except OSError as failure:
            raise AscKitError(
                f"--web: {address.host}:{address.port} cannot be opened: {failure.strerror}", hint="choose another port"
            ) from None
        self.address = Address(address.host, self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="web", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.address.host, self.address.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.address.port}/"

    def take(self, report: Report) -> None:
        """Send a report to all pages that are open."""
        document = dict(report.document)
        event = report.event
        with self._lock:
            self._metrics.take(report)
            if isinstance(event, Heard):
                scene, probability = event.ranking[0]
                if event.scene is not None:
                    scene, probability = event.scene.label or "unsure", event.scene.probability
                self._history.take(report.utc, scene, probability)
                document["top"] = [{"label": name, "probability": p} for name, p in event.ranking[:5]]
                if event.window is not None and self._readers:
                    document["spectrum_db"] = spectrum_db(event.window, self._rate_hz)
            elif isinstance(event, Unheard):
                self._history.take(report.utc, "no usable input", 0.0)
            text = json_text(document, indent=None)
            if isinstance(event, Heard | Unheard):
                self._newest = text
            for reader in self._readers:
                try:
                    reader.put_nowait(text)
                except queue.Full:  # a page that does not keep up misses windows, and is not waited for
                    continue

    def close(self) -> None:
        """End all streams and stop serving."""
        with self._lock:
            self._is_open = False
            for reader in self._readers:
                while not reader.empty():
                    reader.get_nowait()
                reader.put_nowait(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def join(self) -> queue.Queue[str | None] | None:
        """Give a new page its stream; None where there are too many."""
        with self._lock:
            if len(self._readers) >= _MOST_READERS or not self._is_open:
                return None
            reader: queue.Queue[str | None] = queue.Queue(_QUEUE)
            self._readers.append(reader)
            if self._newest is not None:  # a new page need not wait for the next window
                reader.put_nowait(self._newest)
            return reader

    def leave(self, reader: queue.Queue[str | None]) -> None:
        """Forget a page."""
        with self._lock:
            self._readers.remove(reader)

    def history(self) -> dict[str, object]:
        """Return what a new page shows first."""
        with self._lock:
            known = {
                "name": self._origin.name,
                "model": self._origin.model_sha256,
                "source": self._origin.source,
                "labels": list(self._origin.labels),
                "started": self._started,
            }
            return known | self._history.document()

    def metrics(self) -> bytes:
        """Return what Prometheus reads."""
        with self._lock:
            return self._metrics.text()

    def allows(self, host: str | None) -> bool:
        """Tell whether a request names this machine: a foreign page must not read it under another name."""
        if not self.address.is_private:
            return True
        name = (host or "").rpartition(":")[0].strip("[]") if ":" in (host or "") else host or ""
        if name == "localhost":
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


class _Handler(BaseHTTPRequestHandler):
    web: WebOutlet
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        """Answer the four addresses there are."""
        if not self.web.allows(self.headers.get("Host")):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        path = self.path.partition("?")[0]
        if path == "/":
            page = (resources.files(__package__) / "templates" / "live.html").read_bytes()
            self._send(page, "text/html; charset=utf-8")
        elif path == "/history.json":
            self._send(json.dumps(self.web.history()).encode(), "application/json")
        elif path == "/metrics":
            self._send(self.web.metrics(), "text/plain; version=0.0.4; charset=utf-8")
        elif path == "/events":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self._headers(kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _headers(self, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
        self.send_header("Content-Security-Policy", f"{policy}; img-src data:; base-uri 'none'; frame-ancestors 'none'")

    def _stream(self) -> None:
        reader = self.web.join()
        if reader is None:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages are open")
            return
        try:
            self.close_connection = True
            self.send_response(HTTPStatus.OK)
            self._headers("text/event-stream")
            self.end_headers()
            while True:
                try:
                    text = reader.get(timeout=_QUIET_S)
                except queue.Empty:
                    self.wfile.write(b": still here\n\n")
                    continue
                if text is None:
                    return
                self.wfile.write(f"data: {text}\n\n".encode())
        except OSError:  # the page was closed
            return
        finally:
            self.web.leave(reader)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep requests out of the terminal."""
