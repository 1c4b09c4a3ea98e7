"""The plugin's caches against a reference that keeps lines in lists, on random addresses."""

from __future__ import annotations

import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from engine_cases import ROOT

Cache = tuple[int, int, int, int, int]
"""Lines, bytes of a line and of a sector, ways (0: any), by chance."""
SHAPES: list[Cache] = [
    (32, 32, 8, 0, 0),
    (8, 32, 8, 0, 0),
    (2, 8, 8, 0, 0),
    (64, 16, 16, 2, 0),
    (128, 32, 32, 4, 0),
    (16, 32, 4, 1, 0),
]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("cache") / "harness"
    plugin = Path(str(resources.files("asc_kit.device_runner.cycles")))
    source = ROOT / "tests" / "support" / "cache_harness.c"
    flags = ["-std=gnu99", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    subprocess.run(["gcc", *flags, f"-I{plugin}", str(source), "-o", str(program)], check=True)
    return program


def touch(harness: Path, cache: Cache, addresses: np.ndarray) -> np.ndarray:
    """What the plugin says: whether each address was a hit."""
    text = "\n".join(map(str, addresses))
    done = subprocess.run([harness, ":".join(map(str, cache))], input=text, capture_output=True, text=True, check=True)
    assert len(done.stdout) == len(addresses)
    return np.array([character == "1" for character in done.stdout])


def reference(cache: Cache, addresses: np.ndarray) -> np.ndarray:
    """A set is a list of (line, sectors), the one used last at its end."""
    lines, line_bytes, sector_bytes, ways, _ = cache
    ways = ways or lines
    sets: list[list[tuple[int, set[int]]]] = [[] for _ in range(lines // ways)]
    hits = []
    for address in map(int, addresses):
        line, sector = address // line_bytes, address % line_bytes // sector_bytes
        mine = sets[line % len(sets)]
        found = [entry for entry in mine if entry[0] == line]
        entry = found[0] if found else (line, set())
        if found:
            mine.remove(entry)
        hits.append(sector in entry[1])
        entry[1].add(sector)
        mine.append(entry)
        del mine[:-ways]
    return np.array(hits)


def random_addresses(seed: int, n: int = 4000) -> np.ndarray:
    """Loops, jumps and walks: what programs do."""
    rng = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < n:
        start, length = int(rng.integers(0, 1 << 13)) * 4, int(rng.integers(1, 300))
        body = start + 4 * np.arange(length)
        parts.append(np.tile(body, int(rng.integers(1, 5))) if rng.random() < 0.7 else rng.permutation(body))
    return np.concatenate(parts)[:n]


@pytest.mark.parametrize("cache", SHAPES, ids=lambda cache: ":".join(map(str, cache)))
def test_the_line_not_used_for_longest_makes_room(harness: Path, cache: Cache) -> None:
    for seed in range(5):
        addresses = random_addresses(seed)
        hits = touch(harness, cache, addresses)
        np.testing.assert_array_equal(hits, reference(cache, addresses))
        assert hits.any() and not hits.all()


def test_more_lines_never_miss_more_often(harness: Path) -> None:
    """True of full associativity and this rule alone: what fits into fewer lines fits into more."""
    for seed in range(5):
        addresses = random_addresses(seed)
        hits = [touch(harness, (lines, 32, 8, 0, 0), addresses) for lines in (1, 4, 16, 64, 256)]
        for fewer, more in zip(hits, hits[1:], strict=False):
            assert not np.any(fewer & ~more)


def test_by_chance(harness: Path) -> None:
    addresses = random_addresses(1, 20_000)
    exact, chance = (touch(harness, (32, 32, 8, 0, random), addresses) for random in (0, 1))
    # it is another rule, and still a cache of that size: what was never read misses, what was read just before hits
    assert np.any(exact != chance)
    sectors = addresses // 8
    _, first = np.unique(sectors, return_index=True)
    assert not chance[first].any()
    again = np.flatnonzero(sectors[1:] == sectors[:-1]) + 1
    assert again.size and chance[again].all()
    loop = np.tile(8 * np.arange(36 * 4), 50)
    # a loop a little larger than the cache: always too late with the first rule, mostly in time by chance
    assert not touch(harness, (32, 32, 8, 0, 0), loop).any()
    assert 0.3 < touch(harness, (32, 32, 8, 0, 1), loop).mean() < 0.95


def test_a_cache_that_cannot_be_is_refused(harness: Path) -> None:
    for text in ("0:32:8:0:0", "9:32:8:2:0", "8:32"):
        assert subprocess.run([harness, text], input="", text=True, check=False).returncode == 2
