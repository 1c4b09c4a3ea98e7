"""``python -m asc_kit`` is ``asc-kit``."""

from asc_kit.cli import main

main()
