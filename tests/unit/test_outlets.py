"""Where `live` sends what it hears: log, page and metrics, without a microphone."""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from asc_kit.cli import cli
from asc_kit.device_runner.listening import microphone
from asc_kit.device_runner.listening.events import Event, Heard, InputChange, Scene, Tally, Unheard
from asc_kit.device_runner.listening.lines import event_document
from asc_kit.device_runner.outlets.log import RotatingLog
from asc_kit.device_runner.outlets.mqtt import PASSWORD, Broker, discovery, read_broker
from asc_kit.device_runner.outlets.recordings import ChangeRecordings
from asc_kit.device_runner.outlets.report import Origin, Outlet, Reporter
from asc_kit.device_runner.outlets.web import Address, WebOutlet, read_address, spectrum_db
from asc_kit.errors import AscKitError

ORIGIN = Origin(name="demo", model_sha256="ab" * 32, source="vmic.monitor", labels=("bus", "park"))
RATE = 16000
GOLDEN = Path(__file__).resolve().parents[1] / "goldens" / "bundle-3"


def heard(time_s: float, label: str = "bus", *, is_new: bool = False) -> Heard:
    other = "park" if label == "bus" else "bus"
    window = (0.1 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)).astype(np.float32)
    return Heard(
        time_s=time_s, ranking=((label, 0.75), (other, 0.25)), latency_ms=2.0, level_dbfs=-23.0, skipped=0,
        scene=Scene(label=label, probability=0.7, since_s=time_s, is_new=is_new), window=window,
    )  # fmt: skip


def tell(reporter: Reporter, event: Event) -> dict[str, object]:
    return reporter.tell(event, event_document(event, 0, None)).document


def reporter_to(*outlets: Outlet) -> Reporter:
    return Reporter(ORIGIN, Tally(), outlets)


# recordings of changes


def test_the_sound_of_each_change_is_kept_and_the_oldest_goes(tmp_path: Path) -> None:
    folder = tmp_path / "changes"
    # a second of 16 bit at 16 kHz is 32,044 bytes
    recordings = ChangeRecordings(folder, RATE, most_bytes=100_000)
    reporter = reporter_to(recordings)
    for index in range(6):
        tell(reporter, heard(index, "bus" if index % 2 else "park", is_new=index > 0))
        time.sleep(0.002)
    kept = sorted(path.name for path in folder.iterdir() if path.suffix == ".wav")
    assert [name.partition("_")[2] for name in kept] == [f"vmic.monitor_{s}.wav" for s in ("bus", "park", "bus")]
    samples, rate = soundfile.read(folder / kept[0])
    assert (len(samples), rate) == (RATE, RATE) and np.abs(samples).max() == pytest.approx(0.1, abs=1e-3)
    # what the user put there stays, and counts for nothing
    (folder / "mine.wav").write_bytes(b"x" * 200_000)
    again = reporter_to(ChangeRecordings(folder, RATE, most_bytes=70_000))
    tell(again, heard(9, is_new=True))
    left = sorted(path.name for path in folder.glob("*.wav"))
    assert left[0] == kept[2] and left[-1] == "mine.wav" and len(left) == 3


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "20260101T000000.000Z_a_bus.wav").touch()
    with pytest.raises(AscKitError, match="holds other files"):
        ChangeRecordings(tmp_path, RATE, most_bytes=1)
    with pytest.raises(AscKitError, match="cannot be written"):
        ChangeRecordings(tmp_path / "20260101T000000.000Z_a_bus.wav" / "x", RATE, most_bytes=1)


def test_recordings_that_cannot_be_written_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "changes"
    reporter = reporter_to(ChangeRecordings(folder, RATE, most_bytes=100_000))
    shutil.rmtree(folder)
    for index in range(3):
        tell(reporter, heard(index, is_new=True))
    assert capsys.readouterr().err.count("listening goes on without it") == 1
    folder.mkdir()
    tell(reporter, heard(4, is_new=True))
    assert len(list(folder.glob("*.wav"))) == 1


# the log


def lines_of(*paths: Path) -> list[dict]:
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def test_every_report_is_numbered_dated_and_says_from_whom(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "live.log")
    reporter = reporter_to(log)
    for index in range(3):
        tell(reporter, heard(index))
    log.close()
    lines = lines_of(tmp_path / "live.log")
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert all(line["utc"].endswith("Z") and len(line["utc"]) == 24 for line in lines)
    assert {(line["source"], line["model"]) for line in lines} == {("vmic.monitor", "ab" * 32)}
    assert lines[0]["scene"]["label"] == "bus" and lines[0]["level_dbfs"] == -23.0 and len(lines[0]["top"]) == 2


def test_a_log_rotates_and_loses_the_oldest_alone(tmp_path: Path) -> None:
    path = tmp_path / "live.log"
    log = RotatingLog(path, most_bytes=2000, keep=2)
    reporter = reporter_to(log)
    for index in range(40):
        tell(reporter, heard(index))
    log.close()
    files = [tmp_path / "live.log.2", tmp_path / "live.log.1", path]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 2000 for file in files)
    numbers = [line["seq"] for line in lines_of(*files)]
    assert numbers == list(range(numbers[0], 41)) and numbers[0] > 1
    # a second start appends
    again = RotatingLog(path, most_bytes=2000, keep=2)
    tell(reporter_to(again), heard(0))
    again.close()
    assert lines_of(path)[-1]["seq"] == 1


@pytest.mark.parametrize("name", ["live.log", "live.log.1"])
def test_files_of_the_users_are_neither_appended_to_nor_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("dear diary\n")
    with pytest.raises(AscKitError, match="not a log of asc-kit live"):
        RotatingLog(tmp_path / "live.log")
    assert (tmp_path / name).read_text() == "dear diary\n"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AscKitError, match="No such file"):
        RotatingLog(tmp_path / "gone" / "live.log")


def test_a_full_disk_does_not_end_listening_and_the_gap_is_in_the_log(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk: the same error, half-written line included."""
    here = Path(__file__).parent
    program = f"""
import resource, signal, sys
sys.path[:0] = [{str(here)!r}, {str(here.parent / "support")!r}]
from test_outlets import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = RotatingLog(Path(sys.argv[1]))
reporter = reporter_to(log)
tell(reporter, heard(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size + 40, resource.RLIM_INFINITY))
for index in (1, 2, 3):
    tell(reporter, heard(index))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
tell(reporter, heard(4))
log.close()
"""
    path = tmp_path / "live.log"
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = lines_of(path)
    assert [line.get("seq", line.get("missing")) for line in lines] == [1, 3, 5]
    assert lines[1]["event"] == "log_gap"
    assert done.stderr.count("listening goes on without it") == 1 and "3 lines are missing" in done.stderr


# the page


@pytest.fixture
def web() -> Iterator[WebOutlet]:
    outlet = WebOutlet(Address("127.0.0.1", 0), ORIGIN, RATE)
    yield outlet
    outlet.close()


def get(web: WebOutlet, path: str, host: str | None = None) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", web.address.port, timeout=10)
    connection.request("GET", path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def test_the_page_needs_nothing_from_elsewhere(web: WebOutlet) -> None:
    status, body, headers = get(web, "/")
    assert status == 200 and b"<title>" in body
    assert b"http:" not in body and b"https:" not in body and b"src=" not in body and b"@import" not in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert get(web, "/etc/passwd")[0] == 404


def test_history_has_the_changes_and_the_minutes(web: WebOutlet) -> None:
    reporter = reporter_to(web)
    for label in ("bus", "bus", "park", "bus"):
        tell(reporter, heard(1, label))
    tell(reporter, Unheard(time_s=2, reason="zeros", words="exact zeros", skipped=0))
    known = json.loads(get(web, "/history.json")[1])
    assert (known["name"], known["source"], known["labels"]) == ("demo", "vmic.monitor", ["bus", "park"])
    assert [change["scene"] for change in known["changes"]] == ["bus", "park", "bus", "no usable input"]
    assert known["minutes"][-1]["scene"] in ("bus", "no usable input")


def test_a_page_gets_every_report_and_the_end(web: WebOutlet) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", web.address.port, timeout=10)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream"
    reporter = reporter_to(web)
    for label in ("bus", "park"):
        tell(reporter, heard(1, label, is_new=True))
    received = []
    for _ in range(4):
        line = answer.readline()
        if line.startswith(b"data: "):
            received.append(json.loads(line[6:]))
    assert [line["scene"]["label"] for line in received] == ["bus", "park"]
    assert len(received[0]["spectrum_db"]) == 48
    web.close()
    assert answer.read() == b""


def test_foreign_names_are_refused_on_a_private_address(web: WebOutlet) -> None:
    assert get(web, "/history.json", host="evil.example:80")[0] == 403
    assert get(web, "/history.json", host=f"localhost:{web.address.port}")[0] == 200


def test_prometheus_reads_counts_and_the_scene(web: WebOutlet) -> None:
    tally = Tally(windows=3, gaps=1, lost_s=2.5)
    reporter = Reporter(ORIGIN, tally, (web,))
    tell(reporter, heard(1, is_new=True))
    tally.windows = 5
    tell(reporter, heard(2, "park", is_new=True))
    tell(reporter, InputChange(time_s=3, reason="zeros", words="exact zeros"))
    text = get(web, "/metrics")[1].decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values["asc_kit_windows_total"] == "5.0" and values["asc_kit_lost_seconds_total"] == "2.5"
    assert values['asc_kit_scene_probability{scene="park"}'] == "0.7"
    assert 'asc_kit_scene_probability{scene="bus"}' not in values
    assert values["asc_kit_scene_changes_total"] == "2.0" and values["asc_kit_input_usable"] == "0.0"


def test_a_tone_is_in_its_band() -> None:
    levels = spectrum_db(heard(0).window, RATE)  # type: ignore[arg-type]
    edges = np.geomspace(50, RATE / 2, 49)
    loudest = int(np.argmax(levels))
    assert edges[loudest] <= 1000 <= edges[loudest + 1]
    assert levels[loudest] == pytest.approx(-23, abs=1)  # RMS of a sine of amplitude 0.1


@pytest.mark.parametrize("text", ["", "http", "70000", "-1", "nonsense:80", "127.0.0.1:"])
def test_wrong_addresses_are_told(text: str) -> None:
    with pytest.raises(AscKitError, match="is not a port"):
        read_address(text)


def test_addresses() -> None:
    assert read_address("8080") == Address("127.0.0.1", 8080)
    assert read_address("[::1]:80") == Address("::1", 80) and read_address("[::1]:80").is_private
    assert not read_address("0.0.0.0:80").is_private


def test_a_port_that_is_taken_is_named(web: WebOutlet) -> None:
    with pytest.raises(AscKitError, match=f"{web.address.port} cannot be opened"):
        WebOutlet(web.address, ORIGIN, RATE)


# the broker's address; a real broker is in tests/live


def test_brokers() -> None:
    assert read_broker("pi.local") == Broker(host="pi.local", port=1883, is_secure=False, user=None)
    assert read_broker("mqtts://me@host") == Broker(host="host", port=8883, is_secure=True, user="me")


@pytest.mark.parametrize("url", ["http://host", "mqtt://host:0x50", "mqtt://", "mqtt://host/topic", "host:99999"])
def test_wrong_brokers_are_told(url: str) -> None:
    with pytest.raises(AscKitError, match="mqtt"):
        read_broker(url)


def test_a_password_on_the_command_line_is_refused() -> None:
    with pytest.raises(AscKitError) as caught:
        read_broker("mqtt://me:secret@host")
    assert "secret" not in caught.value.message and PASSWORD in str(caught.value.hint)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--web", "nonsense"], "--web nonsense is not a port"),
        (["--mqtt", "http://host"], "--mqtt http://host is not the address of a broker"),
        (["--mqtt", "host", "--mqtt-name", "a/b"], "--mqtt-name 'a/b' cannot be part of a topic"),
    ],
)
def test_a_wrong_place_is_told_before_a_microphone_is_sought(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seek(word: str | None) -> None:
        raise AssertionError("a microphone was sought")

    monkeypatch.setattr(microphone, "find_device", seek)
    with pytest.raises(AscKitError, match=re.escape(message)):
        CliRunner().invoke(cli, ["live", str(GOLDEN), *words], catch_exceptions=False)


def test_discovery_has_what_home_assistant_asks_for() -> None:
    """Keys and values of its documentation: a unique name, a state, availability, options of an enum."""
    configurations = discovery("node_1", ORIGIN)
    assert {topic.split("/")[1] for topic in configurations} == {"sensor", "binary_sensor"}
    names = [configuration["unique_id"] for configuration in configurations.values()]
    assert len(set(names)) == len(names) == 4
    for topic, configuration in configurations.items():
        start, component, node, entity, end = topic.split("/")
        assert (start, node, end) == ("homeassistant", "node_1", "config")
        assert configuration["unique_id"] == f"node_1_{entity}"
        assert configuration["device"]["identifiers"] == ["node_1"]
        assert configuration["state_topic"] == "asc-kit/node_1/state"
        assert configuration["availability_topic"] == "asc-kit/node_1/availability"
    scene = configurations["homeassistant/sensor/node_1/scene/config"]
    assert scene["device_class"] == "enum" and set(scene["options"]) > {"bus", "park", "unsure"}
    assert "state_class" not in scene  # an enum must not have one


def test_no_file_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        log = RotatingLog(tmp_path / "live.log")
        tell(reporter_to(log), heard(0))
        log.close()
        web = WebOutlet(Address("127.0.0.1", 0), ORIGIN, RATE)
        web.close()
    assert len(os.listdir("/proc/self/fd")) == before
