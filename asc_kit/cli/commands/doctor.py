"""``asc-kit doctor``: requirements that are installed or missing, and the commands that install them."""

from __future__ import annotations

import json

import click

from asc_kit.cli.requirements import PROFILES, USES, inspect_machine, machine_words
from asc_kit.errors import ToolError


@click.command()
@click.option(
    "--for",
    "profile",
    type=click.Choice(tuple(PROFILES)),
    help="Check only the requirements of this use; fail if any is missing.",
)
@click.option("--missing-packages", is_flag=True, help="Print only the missing Debian packages, for a script.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(profile: str | None, missing_packages: bool, as_json: bool) -> None:
    """List what is installed, what is missing and how to install it."""
    findings = inspect_machine(PROFILES[profile] if profile else tuple(USES))
    missing = [finding for finding in findings if finding.version is None]
    if missing_packages:
        for package in dict.fromkeys(finding.debian_package for finding in missing if finding.debian_package):
            click.echo(package)
        return
    if as_json:
        rows = [
            {
                "name": f.name,
                "needed_for": list(f.uses),
                "version": f.version,
                "remedy": f.remedy if f.version is None else None,
            }
            for f in findings
        ]
        document = {"machine": machine_words(), "requirements": rows, "missing": len(missing)}
        click.echo(json.dumps(document, indent=2))
    else:
        from rich.table import Table

        from asc_kit.process.console import PipeConsole

        table = Table("", "what", "for", "version, or the command that installs it", box=None)
        for f in findings:
            mark = "[green]ok[/]" if f.version else "[red]missing[/]"
            table.add_row(mark, f.name, " ".join(f.uses), f.version or f.remedy)
        console = PipeConsole(highlight=False)
        for words in machine_words():
            console.print(words, markup=False, soft_wrap=True)
        console.print(table)
        console.print("\n" + "\n".join(f"{use}: {purpose}" for use, purpose in USES.items()), style="dim")
    if profile and missing:
        commands = dict.fromkeys(finding.remedy for finding in missing)
        raise ToolError(
            f"asc-kit {profile} needs {', '.join(finding.name for finding in missing)}", hint="; ".join(commands)
        )
