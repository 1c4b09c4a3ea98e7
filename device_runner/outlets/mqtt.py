"""An MQTT broker, with discovery for Home Assistant.

Sources: MQTT 3.1.1 (OASIS, 2014) for retained messages and last wills; Home Assistant's documentation of MQTT
discovery for the topics and keys of configurations.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from asc_kit import __version__
from asc_kit.cli.output import json_text, say
from asc_kit.errors import AscKitError

from ..listening.events import Heard, InputChange, Unheard
from .report import Origin, Report

PASSWORD = "ASC_KIT_MQTT_PASSWORD"
"""Environment variable of the password: a command line is seen by every user of a machine."""
_DISCOVERY = "homeassistant"
_EVERY_S = 10.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_MOST_WAITING = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where a broker is, and who asks."""

    host: str
    port: int
    is_secure: bool
    user: str | None

    @property
    def words(self) -> str:
        """Name for people."""
        return f"MQTT broker {self.host}:{self.port}"


def read_broker(url: str) -> Broker:
    """Read ``mqtt://[USER@]HOST[:PORT]``, or ``mqtts://…`` for TLS; a bare HOST will do.

    Raises
    ------
    AscKitError
        When it is none, or holds a password.
    """
    expected = f"give mqtt://[USER@]HOST[:PORT], or mqtts://… for TLS; a password comes from {PASSWORD}"
    parts = urlsplit(url if "://" in url else f"mqtt://{url}")
    try:
        port = parts.port
    except ValueError:
        raise AscKitError(f"--mqtt {url}: the port is not a number from 1 to 65535", hint=expected) from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise AscKitError(f"--mqtt {url} is not the address of a broker", hint=expected)
    if parts.password is not None:
        raise AscKitError("--mqtt must not hold a password: other users of this machine could read it", hint=expected)
    return Broker(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        is_secure=parts.scheme == "mqtts",
        user=unquote(parts.username) if parts.username else None,
    )


def default_node() -> str:
    """Return a name for this machine that topics may have."""
    return _topic_name(f"asc_kit_{socket.gethostname()}")


def check_node(name: str) -> None:
    """Refuse a name that cannot be part of a topic."""
    if _topic_name(name) != name:
        raise AscKitError(
            f"--mqtt-name {name!r} cannot be part of a topic", hint="use letters, digits, hyphens and underlines"
        )


def _topic_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_") or "asc_kit"


def discovery(node: str, origin: Origin) -> dict[str, dict[str, Any]]:
    """Return the retained configurations that make Home Assistant show this listener: topic to message."""
    base = f"asc-kit/{node}"
    common = {
        "availability_topic": f"{base}/availability",
        "state_topic": f"{base}/state",
        "device": {
            "identifiers": [node],
            "name": f"{origin.name} on {node}",
            "manufacturer": "asc-kit",
            "model": origin.name,
            "sw_version": __version__,
        },
        "origin": {"name": "asc-kit", "sw_version": __version__},
    }
    entities: dict[str, tuple[str, dict[str, Any]]] = {
        "scene": (
            "sensor",
            {
                "name": "Scene",
                "icon": "mdi:ear-hearing",
                "device_class": "enum",
                "options": [*origin.labels, "unsure", "no usable input"],
                "value_template": "{{ value_json.scene }}",
                "json_attributes_topic": f"{base}/state",
            },
        ),
        "probability": (
            "sensor",
            {
                "name": "Probability",
                "state_class": "measurement",
                "unit_of_measurement": "%",
                "suggested_display_precision": 0,
                "value_template": "{{ value_json.probability }}",
            },
        ),
        "level": (
            "sensor",
            {
                "name": "Level",
                "state_class": "measurement",
                "unit_of_measurement": "dB",
                "suggested_display_precision": 0,
                "value_template": "{{ value_json.level_dbfs }}",
                "entity_category": "diagnostic",
            },
        ),
        "input": (
            "binary_sensor",
            {
                "name": "Input problem",
                "device_class": "problem",
                "payload_on": "ON",
                "payload_off": "OFF",
                "value_template": "{{ 'ON' if value_json.problem else 'OFF' }}",
                "entity_category": "diagnostic",
            },
        ),
    }
    return {
        f"{_DISCOVERY}/{component}/{node}/{key}/config": common | own | {"unique_id": f"{node}_{key}"}
        for key, (component, own) in entities.items()
    }


class MqttOutlet:
    """Publishes the scene when it changes, and every ten seconds; retained, so that a new subscriber has it at once.

    The connection is made again for as long as it takes, and everything is published anew then, and when Home Assistant
    starts. A last will says that this listener is gone.

    Parameters
    ----------
    broker
        Where to.
    node
        Name of this listener in topics.
    origin
        Who listens.

    Raises
    ------
    AscKitError
        When the name cannot be part of a topic.
    """

    def __init__(self, broker: Broker, node: str, origin: Origin) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        check_node(node)
        self._broker, self._node, self._origin = broker, node, origin
        self._state: dict[str, object] | None = None
        self._problem: str | None = None
        self._sent_at = -_EVERY_S
        self._complaint: str | None = None
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=node)
        self._client.reconnect_delay_set(1, 60)
        self._client.max_queued_messages_set(_MOST_WAITING)
        self._client.will_set(self._topic("availability"), "offline", qos=1, retain=True)
        if broker.user is not None:
            self._client.username_pw_set(broker.user, os.environ.get(PASSWORD))
        if broker.is_secure:
            self._client.tls_set()
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.connect_async(broker.host, broker.port, keepalive=30)
        self._client.loop_start()

    def take(self, report: Report) -> None:
        """Publish what changed."""
        event = report.event
        if isinstance(event, InputChange):
            self._problem = event.reason
        if not isinstance(event, Heard | Unheard):
            return
        scene, probability, level = "no usable input", 0.0, None
        if isinstance(event, Heard):
            scene, probability = event.ranking[0]
            if event.scene is not None:
                scene, probability = event.scene.label or "unsure", event.scene.probability
            level = round(event.level_dbfs, 1)
        before = self._state
        self._state = {
            "scene": scene,
            "probability": round(100 * probability, 1),
            "level_dbfs": level,
            "problem": self._problem if isinstance(event, Heard) else event.reason,
            "utc": report.utc,
            "source": report.origin.source,
            "model": report.origin.model_sha256,
        }
        now = time.monotonic()
        is_news = before is None or any(before[key] != self._state[key] for key in ("scene", "problem"))
        if is_news or now - self._sent_at >= _EVERY_S:
            self._sent_at = now
            self._publish_state()

    def close(self) -> None:
        """Say that this listener is gone, and leave."""
        sent = self._client.publish(self._topic("availability"), "offline", qos=1, retain=True)
        if self._client.is_connected():
            sent.wait_for_publish(timeout=2)
        self._client.disconnect()
        self._client.loop_stop()

    def _topic(self, name: str) -> str:
        return f"asc-kit/{self._node}/{name}"

    def _publish_state(self) -> None:
        # while the broker is away only the newest state matters: it is published on connecting
        if self._state is not None and self._client.is_connected():
            self._client.publish(self._topic("state"), json_text(self._state, indent=None), qos=1, retain=True)

    def _publish_all(self) -> None:
        for topic, message in discovery(self._node, self._origin).items():
            self._client.publish(topic, json.dumps(message), qos=1, retain=True)
        self._client.publish(self._topic("availability"), "online", qos=1, retain=True)
        self._publish_state()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._complain(f"{self._broker.words} refuses this listener: {reason}")
            return
        if self._complaint is not None:
            say(f"{self._broker.words}: connected", err=True)
            self._complaint = None
        client.subscribe(f"{_DISCOVERY}/status", qos=1)
        self._publish_all()

    def _on_connect_fail(self, client: Any, userdata: Any) -> None:
        self._complain(f"{self._broker.words} cannot be reached; trying again until it can")

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure and self._complaint is None:
            self._complain(f"{self._broker.words} is gone; connecting again")

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        if message.payload == b"online":  # Home Assistant has just started
            self._publish_all()

    def _complain(self, words: str) -> None:
        if words != self._complaint:
            self._complaint = words
            say(words, err=True)
