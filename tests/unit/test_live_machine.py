"""How `live` sees that a machine becomes hot and slow."""

from pathlib import Path

from asc_kit.device_runner.live.machine import MachineState, MachineWatch, read_state


def write(sys: Path, milli_c: list[str], throttled: str | None) -> None:
    for number, text in enumerate(milli_c):
        zone = sys / "class" / "thermal" / f"thermal_zone{number}"
        zone.mkdir(parents=True, exist_ok=True)
        (zone / "temp").write_text(text)
    firmware = sys / "devices" / "platform" / "soc" / "soc:firmware"
    firmware.mkdir(parents=True, exist_ok=True)
    if throttled is not None:
        (firmware / "get_throttled").write_text(throttled)


def test_what_a_pi_says(tmp_path: Path) -> None:
    assert read_state(tmp_path) == MachineState(temperature_c=None, limits=())
    # a broken sensor beside a good one; bits from 16 on say what was, not what is
    write(tmp_path, ["48312\n", "-274000\n", "none\n"], "50005\n")
    state = read_state(tmp_path)
    assert state.temperature_c == 48.312
    assert state.limits == ("the supply's voltage is too low", "the clock is throttled")


def test_changes_are_told_once(tmp_path: Path) -> None:
    now = [0.0]
    watch = MachineWatch(tmp_path, clock=lambda: now[0])
    write(tmp_path, ["60000"], "0")
    assert watch.look() is None
    write(tmp_path, ["83400"], "c")
    assert watch.look() is None  # too early
    now[0] = 10
    assert watch.look() == "this machine is slowed down: the clock is throttled; it is too hot, at 83 °C"
    now[0] = 20
    assert watch.look() is None
    write(tmp_path, ["60000"], "80000")
    now[0] = 30
    assert watch.look() == "this machine runs at full speed again"
    assert watch.hottest_c == 83.4
