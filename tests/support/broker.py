"""A real MQTT broker on a free loopback port, and a subscriber that remembers."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def broker(folder: Path, port: int, password_file: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run mosquitto until the end of the block."""
    assert MOSQUITTO is not None
    access = (
        "allow_anonymous true" if password_file is None else f"allow_anonymous false\npassword_file {password_file}"
    )
    configuration = folder / f"mosquitto{port}.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\n{access}\nuser root\npersistence false\n")
    process = subprocess.Popen(
        [MOSQUITTO, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None and time.monotonic() < deadline, "no broker"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(10)


@dataclass(slots=True)
class Subscriber:
    """Everything that was published, newest last."""

    client: Any
    messages: list[tuple[str, str, bool]] = field(default_factory=list)
    """Topic, payload, and whether it was retained."""

    def wait_for(self, told: Callable[[str, str], bool], timeout_s: float = 30) -> str:
        """Wait for a message and return its payload."""
        deadline = time.monotonic() + timeout_s
        while True:
            for topic, payload, _ in list(self.messages):
                if told(topic, payload):
                    return payload
            assert time.monotonic() < deadline, self.messages[-10:]
            time.sleep(0.02)

    def wait_for_state(self, topic: str, **fields: object) -> dict[str, object]:
        """Wait for a state with these fields."""

        def fits(name: str, payload: str) -> bool:
            return name == topic and all(json.loads(payload).get(key) == value for key, value in fields.items())

        return dict(json.loads(self.wait_for(fits)))


@contextmanager
def subscriber(port: int, user: str | None = None, password: str | None = None) -> Iterator[Subscriber]:
    """Subscribe to every topic."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2)
    if user is not None:
        client.username_pw_set(user, password)
    running = Subscriber(client)
    client.on_connect = lambda c, *_: c.subscribe("#", qos=1)
    client.on_message = lambda c, u, m: running.messages.append((m.topic, m.payload.decode(), m.retain))
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield running
    finally:
        client.disconnect()
        client.loop_stop()
