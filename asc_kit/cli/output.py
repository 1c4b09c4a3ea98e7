"""The output of commands: lines and JSON that a terminal shows but never obeys, whoever wrote their texts."""

from __future__ import annotations

import dataclasses
import json
import re

import click

from asc_kit.text import escape_controls

# characters that JSON leaves as they are, but a terminal obeys
_NOT_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def say(text: str, *, err: bool = False) -> None:
    """Write a line of text on stdout or stderr; characters that a terminal would obey are escaped."""
    click.echo(escape_controls(text), err=err)


def json_text(value: object, *, indent: int | None = 2) -> str:
    """Return a record or plain data as JSON for a terminal: characters that it would obey are escaped."""
    if dataclasses.is_dataclass(value):
        from asc_kit.records.record import to_plain

        value = to_plain(value)
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _NOT_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def say_json(value: object, *, indent: int | None = 2) -> None:
    """Write a record or plain data on stdout as one JSON document."""
    click.echo(json_text(value, indent=indent))
