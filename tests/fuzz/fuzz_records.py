"""Mutate valid records and read them: a record comes out, or an AscKitError, soon and in little memory.

``python tests/fuzz/fuzz_records.py [COUNT] [SEED]`` prints one JSON document; it ends with 1 at the first that is read
otherwise, and leaves it as ``fuzz_records_failure.json`` (or ``.toml``).
"""

import copy
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from record_goldens import goldens

from asc_kit.errors import AscKitError
from asc_kit.records.record import canonical_json, parse_record, read_record, to_plain
from asc_kit.text import unsafe_character

MOST_SECONDS = 1.0
MOST_BYTES = 200 << 20

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 127, 128, 255, 2**31, 2**32, 2**53, 2**63, 2**64, -(2**63), 10**12, 10**30,
    10**400, 0.5, -0.0, 1e-320, 1e30, 1e308, -1e308, "", " ", "x", "0", "nan", "1e400", "a" * 300, "b" * 100_000,
    "\u0000", "a\u0000b", "\u001b]0;owned\u0007", "\u001b[2J", "\u009b2J", "\u202e", "\u2028", "\ud800", "a\nb",
    "a\tb", "=1+1", "<script>", "|", "../../etc/passwd", "/etc/passwd", "C:\\x", "..", ".", "0" * 16, "f" * 64,
    "Straße", "北京", [], [[]], [[[]]], {}, {"": 0}, {"a": {"b": {}}}, [None], [0] * 2000, ["a"] * 2000, [{}] * 100,
    [[0]] * 100, list("abcdefghij"),
)  # fmt: skip
TEXTS = (
    "NaN", "Infinity", "-Infinity", "1e400", "9" * 5000, "[" * 2000, '{"a":' * 2000, "[[" * 40 + "]]" * 40, '"\\ud800"',
    '"\\u0000"', '{"a": 1, "a": 2}', "1979-05-27", "0x" + "f" * 9000, "inf", "'''", "\x00", "\ufeff", "," * 500,
    "a.b" * 99,
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a document with each of its keys."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def mutate_document(document: Any, dice: random.Random) -> Any:
    """Change one to three places of a document."""
    document = copy.deepcopy(document)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        found = list(places(document))
        if not found:
            return dice.choice(VALUES)
        container, key = dice.choice(found)
        action = dice.randrange(6)
        if action == 0:
            del container[key]
        elif action == 1 and isinstance(container, dict):
            container[str(dice.choice(VALUES))[:2000]] = container[key]
        elif action == 2 and isinstance(container, list):
            container.extend(copy.deepcopy(container) * dice.choice((1, 3)))
        elif action == 3:
            other, other_key = dice.choice(found)
            container[key] = copy.deepcopy(other[other_key])
        else:
            container[key] = copy.deepcopy(dice.choice(VALUES))
    return document


def mutate_bytes(data: bytes, dice: random.Random) -> bytes:
    """Change a file as bytes: flips, cuts, doubles, and texts that no writer of ours writes."""
    place, end = sorted((dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)))
    action = dice.randrange(5)
    if action == 0:
        changed = bytearray(data)
        for _ in range(dice.randint(1, 8)):
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
        return bytes(changed)
    if action == 1:
        return data[:place] + data[end:]
    if action == 2:
        return data[:end] + data[place:end] * dice.randint(1, 4) + data[end:]
    inserted = dice.choice(TEXTS).encode("utf-8", "surrogatepass")
    # in the place of a value, half of the time
    value = data.find(b": " if b": " in data[:100] else b"= ", place)
    if action == 3 and value >= 0:
        stop = data.find(b"\n", value)
        return data[: value + 2] + inserted + data[stop:]
    return data[:place] + inserted + data[place:]


def check(path: Path, cls: type) -> bool:
    """Read a file; whether it was a record, which then must survive being written."""
    try:
        record: Any = read_record(cls, path)
    except AscKitError as failure:
        said = f"{failure.message} {failure.hint or ''}"
        assert len(said) < 6000 and unsafe_character(said) is None, f"not words for a terminal: {said[:200]!r}"
        return False
    assert canonical_json(parse_record(cls, to_plain(record), where="again")) == canonical_json(record)
    return True


def run(count: int, seed: int) -> dict[str, Any]:
    """Read so many mutations, in turn of all goldens."""
    dice = random.Random(seed)
    seeds = [(path.read_bytes(), path.suffix, cls) for path, cls in goldens()]
    for path, cls in goldens():
        read_record(cls, path)  # what validators take is not the file's
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest, read = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            data, suffix, cls = seeds[number % len(seeds)]
            if suffix == ".json" and dice.random() < 0.7:
                changed = json.dumps(mutate_document(json.loads(data), dice)).encode()
            else:
                changed = mutate_bytes(data, dice)
            path = Path(folder) / f"record{suffix}"
            path.write_bytes(changed)
            started = time.process_time()
            try:
                read += check(path, cls)
                seconds = time.process_time() - started
                assert seconds < MOST_SECONDS, f"{seconds:.1f} s"
            except BaseException:
                Path(f"fuzz_records_failure{suffix}").write_bytes(changed)
                raise
            slowest = max(slowest, seconds)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < MOST_BYTES, f"{grown:,} bytes of memory"
    return {"mutations": count, "records": read, "slowest_s": round(slowest, 3), "memory_bytes": grown}


if __name__ == "__main__":
    words = [*sys.argv[1:], *("3000", "1")[len(sys.argv) - 1 :]]
    count, seed = int(words[0]), int(words[1])
    sys.stdout.write(json.dumps(run(count, seed)) + "\n")
