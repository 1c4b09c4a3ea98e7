"""The command line: the names of commands, and the display of failures. The stages do the work."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import sys
import traceback

import click

from asc_kit import __version__
from asc_kit.cli.output import say
from asc_kit.errors import AscKitError
from asc_kit.process.interruption import interrupt_on_signals

COMMANDS = {
    "demo": ("cli", "Run the whole pipeline on synthetic scenes and an emulated board."),
    "data": ("train", "Make, check and describe data sets."),
    "train": ("train", "Train a recipe on recordings."),
    "evaluate": ("train", "Evaluate runs and bundles by class and by recording device."),
    "complexity": ("train", "Count parameters and MACs by the rules of DCASE 2021 to 2025."),
    "submit": ("train", "Make and check submissions to the DCASE challenge."),
    "export": ("export", "Quantize a run to int8 and write a bundle."),
    "inspect": ("export", "Show the quantization of a bundle layer by layer."),
    "plan": ("firmware_gen", "Show how the engine would run a model, and the memory it needs."),
    "firmware": ("firmware_gen", "Write and build firmware for a board."),
    "bench": ("device_runner", "Measure accuracy and latency on a board."),
    "verify": ("device_runner", "Compare a model's firmware with the reference kernels, on an emulated board."),
    "verify-link": ("device_runner", "Damage frames on the line to a board, and check that no wrong answer passes."),
    "report": ("device_runner", "Make a report page from benchmark results."),
    "compare": ("device_runner", "Compare two measurements; fail where the new one is worse than allowed."),
    "predict": ("device_runner", "Classify recordings on this machine."),
    "live": ("device_runner", "Classify sound from the microphone."),
    "boards": ("device_runner", "List boards, parts and cores."),
    "ports": ("device_runner", "List the serial ports of this machine."),
    "doctor": ("cli", "List what is installed, what is missing and how to install it."),
}
"""Command -> the room of its module commands/NAME.py, and a summary.

A command is imported only when it is called, so that --help stays fast.
"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a pipeline."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        try:
            module = importlib.import_module(f"asc_kit.{COMMANDS[cmd_name][0]}.commands.{name}")
        except ModuleNotFoundError as failure:
            if (failure.name or "").startswith("asc_kit"):
                raise
            raise missing_package(failure, cmd_name) from failure
        command = getattr(module, name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; if the reader of its output goes away (``| head``), end silently."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # the interpreter's last flush has no reader either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="asc-kit")
@click.option("--debug", is_flag=True, help="On failure, print the traceback too.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Acoustic scene classification from training to a measured result on the board."""
    ctx.obj = {"debug": debug}


# the cure when the operating system refuses, by its error code
_OS_HINTS = {
    errno.ENOSPC: "make room on that disk, or write to another place",
    errno.EROFS: "choose a place that can be written",
    errno.EACCES: "choose a place that you may read and write, or change its permissions",
    errno.EFBIG: "the system allows no file of that size here: see ulimit -f",
    errno.EDQUOT: "make room in your quota, or write to another place",
    errno.EPERM: "choose a place that you may read and write, or change its permissions",
}

# the extra that installs a package, for the hint; packages that are not here come with asc-kit itself
_EXTRA_OF = {
    "tensorflow": "train",
    "keras": "train",
    "tensorboard": "train",
    "tomli_w": "train",
    "yaml": "train",
    "scipy": "train",
    "tflite": "export",
    "flatbuffers": "export",
    "jinja2": "device",
    "elftools": "device",
    "serial": "device",
    "cobs": "device",
    "matplotlib": "device",
    "ai_edge_litert": "device",
    "sounddevice": "pi",
    "paho": "pi",
    "prometheus_client": "pi",
    "pulsectl": "pi",
    "tflite_runtime": "pi",
}


def missing_package(failure: ModuleNotFoundError, command: str) -> AscKitError:
    """Turn a failed import into an error that names the extra to install."""
    from asc_kit.errors import ToolError

    package = (failure.name or "?").partition(".")[0]
    extra = _EXTRA_OF.get(package)
    return ToolError(
        f"asc-kit {command} needs the Python package {package}, which is not installed",
        hint=f"pip install 'asc-kit[{extra}]'" if extra else f"pip install {package}",
    )


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 usage, 3 board, 4 differs, 130 interrupted."""
    debug = "--debug" in sys.argv[1:]
    interrupt_on_signals()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a file's name need not be text: show characters that cannot be encoded as escapes, as on stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        returned = cli.main(standalone_mode=False)
        # click returns the code of its own Exit, by which the demo passes on the code of a stage
        code = returned if isinstance(returned, int) else 0
    except AscKitError as error:
        code = error.exit_code
        _show(error, debug)
    except ModuleNotFoundError as failure:
        if debug or (failure.name or "").startswith("asc_kit"):
            raise
        command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
        _show(missing_package(failure, command), debug)
        code = 1
    except (click.exceptions.Abort, KeyboardInterrupt):
        with contextlib.suppress(OSError):  # a terminal that is gone
            click.echo("Interrupted.", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except OSError as failure:
        # a full disk or an unreadable folder: a fault of the machine, not of the program
        if debug:
            traceback.print_exception(failure)
        with contextlib.suppress(OSError):  # a terminal that is gone
            _show(AscKitError(str(failure), hint=_OS_HINTS.get(failure.errno or 0)), debug=False)
        code = 1
    sys.exit(code)


def _show(error: AscKitError, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    click.secho("Error: ", fg="red", bold=True, nl=False, err=True, color=False if os.environ.get("NO_COLOR") else None)
    say(error.message, err=True)
    cause = error.__cause__
    if cause is not None and str(cause) and str(cause) not in error.message:
        say(f"  Caused by: {cause}", err=True)
    if error.hint:
        say(f"  Hint: {error.hint}", err=True)
