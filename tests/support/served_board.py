"""A `FakeBoard` behind TCP, for whatever opens `socket://` ports."""

from __future__ import annotations

import socket
import threading

from fake_board import FakeBoard


class ServedBoard:
    """Serves one connection after the other while the block lasts."""

    def __init__(self, board: FakeBoard) -> None:
        self._board = board
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
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
        while not self._is_over.is_set():
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(0.05)
                while not self._is_over.is_set():
                    try:
                        data = connection.recv(4096)
                    except TimeoutError:
                        continue
                    except ConnectionError:
                        break
                    if not data:
                        break
                    self._board.write(data)
                    connection.sendall(self._board.read(100_000))
