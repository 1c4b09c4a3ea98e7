"""``asc-kit data splits``: downloaded from a real server on this machine, verified, recorded, refused."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from data_layouts import META_HEADER, SPLIT_HEADER

from asc_kit.dataset import read_dataset
from asc_kit.errors import DataError
from asc_kit.train.datasets.official_splits import FILES, SPLITS_URL, fetch_splits

SCENES = ("airport", "park", "tram")
DEVICES = ("a", "b")
TRAINING_SEGMENTS, TEST_SEGMENTS = range(40), range(40, 52)
PARTS = range(5)
# how many of the 40 training segments of each scene are in a subset: 2 of them are 5 %
SUBSETS = {5: 2, 10: 4, 25: 10, 50: 20, 100: 40}

Files = dict[str, str]


def clips(segments: range) -> list[tuple[str, str, str, str]]:
    return [
        (f"audio/{scene}-oslo-{1000 + segment}-{segment}-{part}-{device}.wav", scene, f"oslo-{1000 + segment}", device)
        for segment in segments
        for scene in SCENES
        for part in PARTS
        for device in DEVICES
    ]


def table(rows: list[tuple[str, str, str, str]]) -> str:
    return SPLIT_HEADER + "".join(f"{name}\t{scene}\n" for name, scene, *_ in rows)


def official() -> Files:
    files = {f"split{percent}.csv": table(clips(range(count))) for percent, count in SUBSETS.items()}
    return {**files, "test.csv": table(clips(TEST_SEGMENTS))}


@dataclass
class Server:
    """What it serves, how it misbehaves, and what it was asked for."""

    url: str = ""
    files: Files = field(default_factory=official)
    asked: list[str] = field(default_factory=list)
    cut_short: bool = False


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            served.asked.append(name)
            if name not in served.files:
                self.send_error(404)
                return
            body = served.files[name].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if served.cut_short else body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        served.url = f"http://127.0.0.1:{http.server_port}/files/"
        yield served
        http.shutdown()
        thread.join()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = clips(TRAINING_SEGMENTS) + clips(TEST_SEGMENTS)
    (tmp_path / "meta.csv").write_text(META_HEADER + "".join("\t".join(row) + "\n" for row in rows))
    return tmp_path


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_all_files_arrive_and_are_recorded(data: Path, server: Server) -> None:
    files = fetch_splits(data, url=server.url)
    assert [file.name for file in files] == list(FILES[2024]) == server.asked
    for name, text in server.files.items():
        assert (data / name).read_text() == text
    recorded = json.loads((data / "splits.json").read_text())["files"]
    assert recorded["split25.csv"] == {
        "sha256": sha256(server.files["split25.csv"]),
        "clips": 300,
        "source": f"{server.url}split25.csv",
    }
    assert len(read_dataset(data).split("split25").clips) == 300


def test_what_is_there_is_not_downloaded_again(data: Path, server: Server) -> None:
    fetch_splits(data, url=server.url)
    server.asked.clear()
    before = (data / "splits.json").read_text()
    assert {file.state for file in fetch_splits(data, url=server.url)} == {"kept"}
    assert server.asked == [] and (data / "splits.json").read_text() == before
    (data / "split5.csv").unlink()
    assert [file.state for file in fetch_splits(data, url=server.url)][:2] == ["downloaded", "kept"]
    assert server.asked == ["split5.csv"]


def test_files_put_there_by_hand_are_verified_and_recorded(data: Path) -> None:
    for name, text in official().items():
        (data / name).write_text(text)
    fetch_splits(data, url="http://127.0.0.1:9/")
    recorded = json.loads((data / "splits.json").read_text())["files"]
    assert {entry["source"] for entry in recorded.values()} == {"local"} and len(recorded) == 6
    (data / "test.csv").write_text(table(clips(range(10))))
    with pytest.raises(DataError, match="SHA-256"):
        fetch_splits(data, url="http://127.0.0.1:9/")


def test_2025_needs_two_files_and_takes_the_whole_from_the_data_set(data: Path, server: Server) -> None:
    (data / "evaluation_setup").mkdir()
    (data / "evaluation_setup" / "fold1_train.csv").write_text(table(clips(TRAINING_SEGMENTS)))
    assert [file.name for file in fetch_splits(data, year=2025, url=server.url)] == ["split25.csv", "test.csv"]
    (data / "split25.csv").unlink()
    (data / "splits.json").unlink()
    server.files["split25.csv"] = official()["split10.csv"]
    with pytest.raises(DataError, match=r"split25\.csv .* 120 clips, 300 are expected"):
        fetch_splits(data, year=2025, url=server.url)


def test_a_published_file_that_changed_is_refused(data: Path, server: Server) -> None:
    fetch_splits(data, url=server.url)
    (data / "split5.csv").unlink()
    server.files["split5.csv"] = official()["split5.csv"].replace("\n", "\r\n")
    with pytest.raises(DataError, match=rf"SHA-256 .*{PINS_END}"):
        fetch_splits(data, url=server.url)
    assert not (data / "split5.csv").exists()


PINS_END = r"splits\.json says [0-9a-f]{64}"


def test_a_given_hash_is_held_to(data: Path, server: Server) -> None:
    right = sha256(server.files["split5.csv"])
    with pytest.raises(DataError, match=r"--sha256 says 0{64}"):
        fetch_splits(data, url=server.url, wanted={"split5.csv": 64 * "0"})
    with pytest.raises(DataError, match="no official split file of 2024 is called split7"):
        fetch_splits(data, url=server.url, wanted={"split7": right})
    fetch_splits(data, url=server.url, wanted={"split5": right.upper()})


def without_first_row(text: str) -> str:
    header, _, *rows = text.splitlines(keepends=True)
    return header + "".join(rows)


def spoil(name: str, change: Callable[[str], str]) -> Callable[[Files], None]:
    return lambda files: files.update({name: change(files[name])})


# what the server holds instead, and what is said about it
WRONG: dict[str, tuple[Callable[[Files], None], str]] = {
    "no file": (lambda files: files.pop("split10.csv") and None, "404"),
    "a page of the web": (spoil("split5.csv", lambda _: "<!DOCTYPE html>\n<p>Sign in</p>\n"), "is not a split file"),
    "not text": (spoil("split5.csv", lambda _: "\x00\x01"), "split5.csv"),
    "commas": (spoil("split5.csv", lambda text: text.replace("\t", ",")), "is not a split file"),
    "no rows": (spoil("split5.csv", lambda _: SPLIT_HEADER), "names no clips"),
    "unknown clip": (spoil("split5.csv", lambda text: text + "audio/zz.wav\tpark\n"), "audio/zz.wav is not in meta"),
    "wrong label": (spoil("split5.csv", lambda text: text.replace("\tpark", "\ttram")), "is labelled 'tram'"),
    "a clip twice": (spoil("split5.csv", lambda text: text + text.splitlines()[1] + "\n"), "stands there twice"),
    "half a recording": (spoil("split50.csv", without_first_row), r"4 of the 5 parts of airport-oslo-1000-0-a"),
    "another share": (spoil("split25.csv", lambda _: table(clips(range(20)))), "600 clips, 300 are expected"),
    "not nested": (spoil("split5.csv", lambda _: table(clips(range(5, 7)))), r"60 clips are not in split10\.csv"),
    "test in training": (spoil("test.csv", lambda _: table(clips(range(8)))), "8 places are in training too"),
    "training in the test": (spoil("split5.csv", lambda _: table(clips(range(40, 42)))), "not in the whole training"),
    "one scene": (
        spoil("test.csv", lambda _: table([row for row in clips(TEST_SEGMENTS) if row[1] == "park"])),
        "0 clips of airport",
    ),
    "one device": (
        spoil("split50.csv", lambda _: table([row for row in clips(range(40)) if row[3] == "a"])),
        "100% of its clips are of recording device a, 50% in the whole",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_content_is_refused_and_nothing_written(data: Path, server: Server, case: str) -> None:
    change, says = WRONG[case]
    change(server.files)
    with pytest.raises(DataError, match=says):
        fetch_splits(data, url=server.url)
    assert [path.name for path in data.iterdir()] == ["meta.csv"]


def test_the_whole_is_the_training_split_of_the_years_before(data: Path, server: Server) -> None:
    (data / "evaluation_setup").mkdir()
    (data / "evaluation_setup" / "fold1_train.csv").write_text(table(clips(range(39))))
    with pytest.raises(DataError, match=r"split100\.csv .*30 clips differ from evaluation_setup/fold1_train"):
        fetch_splits(data, url=server.url)


def test_a_body_that_ends_early_is_refused(data: Path, server: Server) -> None:
    server.cut_short = True
    with pytest.raises(DataError, match=r"ended after \d+ bytes of \d+"):
        fetch_splits(data, url=server.url)
    assert not (data / "split5.csv").exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://no-such-host.invalid/files/", "nonsense"])
def test_offline_it_says_what_to_fetch_by_hand(data: Path, url: str) -> None:
    with pytest.raises(DataError, match="cannot be downloaded") as failure:
        fetch_splits(data, url=url)
    hint = failure.value.hint or ""
    assert all(name in hint for name in (*FILES[2024], url, str(data)))


def test_another_data_set_has_no_official_splits(tmp_path: Path, server: Server) -> None:
    for name in ("a/1.wav", "b/2.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="TAU Urban Acoustic Scenes 2022 Mobile"):
        fetch_splits(tmp_path, url=server.url)
    assert server.asked == []


def test_the_command(data: Path, server: Server) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "asc_kit", "data", "splits", "--data", str(data), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    result = run("--url", server.url, "--json")
    assert result.returncode == 0, result.stderr
    assert [row["clips"] for row in json.loads(result.stdout)["files"]] == [60, 120, 300, 600, 1200, 360]
    assert run("--sha256", "split5.csv=12").returncode == 2
    assert SPLITS_URL.startswith("https://github.com/CPJKU/")


def test_a_splits_json_of_someone_else_is_not_overwritten(data: Path, server: Server) -> None:
    (data / "splits.json").write_text('{"folds": 5}')
    with pytest.raises(DataError, match="not a valid Pins"):
        fetch_splits(data, url=server.url)
    assert (data / "splits.json").read_text() == '{"folds": 5}'
