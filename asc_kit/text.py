"""Text that strangers wrote: the characters that it may have, and a safe way to show it.

A terminal obeys control characters, a table's row ends at a line separator, and a reader is misled by an override of
the writing direction. So labels, names and paths with such characters are refused where they are read, and whatever
is printed is escaped once more (`asc_kit/process/console.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set

# C0 with tab and newline, DEL and C1, line and paragraph separators, overrides and isolates of the writing direction,
# halves of characters (surrogates)
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_BUT_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT_ITEMS = 4
_LONGEST_NAME = 1000


def unsafe_character(text: str, *, lines: bool = False) -> str | None:
    """Return the first forbidden character of a text, as ``U+001B``; None for good text.

    Parameters
    ----------
    text
        A label, a name, a path.
    lines
        Whether tab and newline are fine: in prose of several lines.
    """
    match = (_UNSAFE_BUT_LINES if lines else _UNSAFE).search(text)
    return f"U+{ord(match[0]):04X}" if match else None


def escape_controls(text: str, *, lines: bool = True) -> str:
    r"""Return text in which each forbidden character is escaped, as ``\x1b`` or ``\u202e``."""

    def written_out(match: re.Match[str]) -> str:
        code = ord(match[0])
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

    return (_UNSAFE_BUT_LINES if lines else _UNSAFE).sub(written_out, text)


def shorten(value: object, limit: int = 80) -> str:
    """Return a value for an error message: one line, at most `limit` characters, whatever it holds."""
    text = _shown(value, limit, 2)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _shown(value: object, limit: int, depth: int) -> str:
    """Write a value, without ever writing all of a long value."""
    if isinstance(value, str):
        return repr(value) if len(value) <= limit else f"{value[: limit // 2]!r}… ({len(value):,} characters)"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 128:
        return f"a whole number of {value.bit_length():,} bits"
    if isinstance(value, Mapping):
        if not value or not depth:
            return f"{{{len(value)} keys}}" if value else "{}"
        shown = [f"{_shown(key, limit, 0)}: {_shown(value[key], limit, depth - 1)}" for key in _first(value)]
        return "{" + ", ".join(shown + ["…"] * (len(value) > _SHORT_ITEMS)) + "}"
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray):
        if not value or not depth:
            return f"[{len(value)} values]" if value else "[]"
        return (
            "["
            + ", ".join(
                [_shown(item, limit, depth - 1) for item in _first(value)] + ["…"] * (len(value) > _SHORT_ITEMS)
            )
            + "]"
        )
    return repr(value[:limit] if isinstance(value, bytes | bytearray) else value)


def _first(items: Mapping[object, object] | Sequence[object] | Set[object]) -> list[object]:
    return [item for item, _ in zip(items, range(_SHORT_ITEMS), strict=False)]


def markdown(text: str) -> str:
    """Return text as Markdown that shows it as it is: no markup, no HTML, one line, whole cells of a table."""
    plain = re.sub(r"([\\`*|\[\]])", r"\\\1", " ".join(text.split()))
    return escape_controls(plain.replace("&", "&amp;").replace("<", "&lt;"), lines=False)


def spreadsheet_cell(text: str) -> str:
    """Return text as a cell of a CSV file that no spreadsheet takes for a formula: behind an apostrophe where it could.

    For texts alone: a number may begin with its sign.
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def in_c_comment(text: str) -> str:
    """Return text that neither ends a comment in C nor begins one, nor has a trigraph or a line's end."""
    apart = escape_controls(text, lines=False).replace("*/", "* /").replace("/*", "/ *")
    return re.sub(r"\?(?=\?)", "? ", apart)


def tensor_name(raw: bytes | str | None) -> str:
    """Return the name that a flatbuffer gives a tensor or a custom operator: text that may be printed, not too long."""
    text = raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else raw or ""
    return escape_controls(text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…", lines=False)
