"""``asc-kit live``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.output import say, say_json
from asc_kit.process.interruption import Terminated

from .demo_bundle import DEMO_WORDS, demo_option, open_bundle, open_demo
from .options import LIKELY, Seconds, check_threshold, pcm_option, threshold_option, variant_option

if TYPE_CHECKING:
    from asc_kit.bundle import VariantName

    from ..outlets.mqtt import Broker
    from ..outlets.web import Address


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@demo_option
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="[NAME=]SOURCE",
    help="Listen to a file, a FIFO, - (standard input), a URL as rtsp://… (needs ffmpeg), mic or mic:DEVICE; "
    "repeatable.  [default: mic]",
)
@pcm_option
@click.option("--device", metavar="NAME|INDEX", help="Microphone, by number, name or part of its name.")
@click.option(
    "--hop", type=Seconds(min=0.05), metavar="SECONDS", help="Time from line to line.  [default: the bundle's]"
)
@threshold_option
@variant_option
@click.option(
    "--smooth",
    type=Seconds(min=0),
    metavar="SECONDS",
    help="Time over which windows are averaged; 0 for the newest alone.  [default: 0.35]",
)
@click.option("--dwell", type=Seconds(min=0), metavar="SECONDS", help="Least time a scene stays.  [default: 0.5]")
@click.option(
    "--unsure",
    type=click.FloatRange(0, 1),
    metavar="P",
    help='Print "unsure" while no scene is at least this likely.  [default: 0]',
)
@click.option("--raw", is_flag=True, help="Print each window by itself, without averaging.")
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Append JSON lines to FILE; it rotates at 10 MB, with five older ones.",
)
@click.option("--web", metavar="PORT", help="Serve a page on this machine; ADDRESS:PORT for others too.")
@click.option("--mqtt", metavar="URL", help="Publish to a broker, for Home Assistant too: mqtt://[USER@]HOST[:PORT].")
@click.option("--mqtt-name", metavar="NAME", help="Name of this listener in topics.  [default: asc_kit_HOSTNAME]")
@click.option(
    "--record-changes",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep the window at which each scene began as a WAV file; the oldest go when DIR is full.",
)
@click.option(
    "--record-limit",
    type=click.FloatRange(min=0.1),
    default=500.0,
    show_default=True,
    metavar="MB",
    help="With --record-changes: size of all recordings.",
)
@click.option("--duration", type=Seconds(min=0, min_open=True), metavar="SECONDS", help="Stop after this time.")
@click.option("--changes", "only_changes", is_flag=True, help="Print a line only when the scene changes.")
@click.option("--print-service", is_flag=True, help="Print a systemd unit that runs this command, and stop.")
@click.option("--list-devices", is_flag=True, help="List the microphones and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def live(
    bundle: Path | None,
    demo: bool,
    sources: tuple[str, ...],
    pcm: str | None,
    device: str | None,
    hop: float | None,
    threshold: float | None,
    variant: VariantName | None,
    smooth: float | None,
    dwell: float | None,
    unsure: float | None,
    raw: bool,
    log: Path | None,
    web: str | None,
    mqtt: str | None,
    mqtt_name: str | None,
    record_changes: Path | None,
    record_limit: float,
    duration: float | None,
    only_changes: bool,
    print_service: bool,
    list_devices: bool,
    as_json: bool,
) -> None:
    """Classify sound from a microphone, one line per hop, until Ctrl-C or --duration.

    Each line names the scene that the last windows show together, so that a single wrong window changes nothing; for
    a quicker or a steadier answer see --smooth, --dwell and --unsure. Bundles with several labels print window by
    window. --log, --web and --mqtt also send the lines to a file, a page and a broker. No audio is kept,
    unless --record-changes asks for it.

    The microphone runs at its own rate, and its sound is resampled as in training. A bad input (a muted microphone, a
    frozen driver, clipping) is reported instead of classified. A microphone, a FIFO or a stream that ends is opened
    again; a file, as fast as it can be classified, and standard input end. The last line counts windows and losses.
    """
    if list_devices:
        _list_devices(as_json)
        return
    if bundle is None and not demo:
        raise click.UsageError("Missing argument 'BUNDLE'; --demo listens with the bundle that comes with asc-kit.")
    if bundle is not None and demo:
        raise click.UsageError("--demo takes no BUNDLE")
    if device is not None and sources:
        raise click.UsageError("--device names the microphone alone: write --source mic:DEVICE")
    if mqtt_name is not None and mqtt is None:
        raise click.UsageError("--mqtt-name goes with --mqtt")
    if web is not None and len(sources) > 1:
        raise click.UsageError("the page of --web shows one --source: start a command for each, with a port of its own")

    from asc_kit.inference.float_scores import find_variant

    from ..listening.following import FollowerSettings
    from ..listening.inputs import read_choices
    from ..live.session import Places, Session, run_session
    from ..media.pcm import read_format

    choices = read_choices(sources, device)
    address, broker = _read_places(web, mqtt, mqtt_name)
    opened = open_demo() if demo else open_bundle(bundle)
    if variant is not None:
        find_variant(opened, variant)  # that it is not there must show before a source is opened
    is_tagging = check_threshold(opened.manifest, threshold)
    steadiness = {"time_constant_s": smooth, "dwell_s": dwell, "unsure_below": unsure}
    given = {name: value for name, value in steadiness.items() if value is not None}
    if given and (raw or is_tagging):
        reason = "--raw prints windows by themselves" if raw else f"{opened.manifest.name} gives several labels"
        raise click.UsageError(f"{reason}: leave --smooth, --dwell and --unsure out")
    if record_changes is not None and (raw or is_tagging):
        raise click.UsageError("--record-changes needs scenes that are followed: one class per window, without --raw")
    session = Session(
        bundle=opened,
        variant=variant,
        hop_s=hop,
        duration_s=duration,
        likely=(LIKELY if threshold is None else threshold) if is_tagging else None,
        following=None if raw or is_tagging else FollowerSettings(**given),
        as_json=as_json,
        only_changes=only_changes,
        demo=DEMO_WORDS if demo else None,
    )
    if print_service:
        _print_service()
        return
    places = Places(
        log=log,
        address=address,
        broker=broker,
        mqtt_name=mqtt_name,
        recordings=record_changes,
        most_bytes=round(1e6 * record_limit),
    )
    format = None if pcm is None else read_format(pcm)
    # the usual end of a service
    with contextlib.suppress(Terminated):
        run_session(session, choices, format, places)


def _print_service() -> None:
    """Print the unit for the command as it was typed."""
    from ..live.service import unit_text

    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        words = [sys.executable, "-P", "-m", "asc_kit"]
    else:
        words = [str(program.absolute())]
    typed = sys.argv[sys.argv.index("live") + 1 :]
    say(unit_text(words, [word for word in typed if word != "--print-service"], Path.cwd()).rstrip("\n"))


def _read_places(web: str | None, mqtt: str | None, mqtt_name: str | None) -> tuple[Address | None, Broker | None]:
    """Read where to send to: a wrong word is told before a microphone is opened."""
    address, broker = None, None
    if web is not None:
        from ..outlets.web import read_address

        address = read_address(web)
    if mqtt is not None:
        from ..outlets.mqtt import check_node, read_broker

        broker = read_broker(mqtt)
        if mqtt_name is not None:
            check_node(mqtt_name)
    return address, broker


def _list_devices(as_json: bool) -> None:
    from dataclasses import asdict

    from ..listening.microphone import input_devices

    devices = input_devices()
    if as_json:
        say_json([asdict(each) for each in devices])
        return
    if not devices:
        say("no microphone", err=True)
    for each in devices:
        mark = "*" if each.is_default else " "
        details = f"{each.host_api}, {each.channels} channels, {each.default_rate_hz} Hz"
        say(f"{mark} {each.index:3d}  {each.name}  ({details})")
