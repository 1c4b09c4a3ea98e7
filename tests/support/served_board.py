"""A `FakeBoard` behind a TCP bridge, for whatever opens `socket://` ports: several at once, who all hear it."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress

from fake_board import FakeBoard


class ServedBoard:
    """Serves connections while the block lasts."""

    def __init__(self, board: FakeBoard) -> None:
        self._board = board
        self._server = socket.create_server(("127.0.0.1", 0))
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> ServedBoard:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        hosts: list[socket.socket] = []
        while not self._is_over.is_set():
            for ready in select.select([self._server, *hosts], [], [], 0.05)[0]:
                if ready is self._server:
                    hosts.append(self._server.accept()[0])
                    continue
                data = b""
                with suppress(ConnectionError):
                    data = ready.recv(4096)
                if not data:
                    hosts.remove(ready)
                    ready.close()
                    continue
                self._board.write(data)
                answers = self._board.read(100_000)
                for host in hosts:
                    with suppress(OSError):
                        host.sendall(answers)
        for host in hosts:
            host.close()
