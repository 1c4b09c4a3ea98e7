"""The generated C header holds the protocol's constants, as a C compiler sees them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from asc_kit import protocol
from asc_kit.firmware_gen.write.protocol_header import protocol_header

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror"]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_a_compiler_reads_the_same_numbers(tmp_path: Path) -> None:
    expected = {
        "ASC_PROTOCOL_VERSION": protocol.PROTOCOL_VERSION,
        "ASC_MAX_PAYLOAD_BYTES": protocol.MAX_PAYLOAD_BYTES,
        "ASC_FRAME_OVERHEAD": protocol.FRAME_OVERHEAD,
        "ASC_FRAME_DELIMITER": protocol.DELIMITER,
        "ASC_RESPONSE_BIT": protocol.RESPONSE_BIT,
        "ASC_RUN_PROFILE": 1,
        "ASC_HELLO_AUDIO": 1,
        "ASC_HELLO_PROFILE": 2,
        "ASC_READ_BYTES": 7,
        "ASC_WRITE_BYTES": 5,
        "ASC_MAX_READ_BYTES": 1015,
        "ASC_HELLO_REQUEST_BYTES": 11,
        "ASC_HELLO_FIXED_BYTES": 72,
        "ASC_HOLDER_BYTES": 9,
        "ASC_SEAL_BYTES": 8,
        "ASC_SEAL_HEAD_BYTES": 7,
        "ASC_DIGEST_BYTES": 16,
        "ASC_CLIENT_NAME_BYTES": 48,
        "ASC_NO_SESSION": 0,
        "ASC_PROFILE_ENTRY_BYTES": 8,
        "ASC_FAULT_BYTES": 8,
    }
    expected |= {f"ASC_OP_{opcode.name}": int(opcode) for opcode in protocol.Opcode}
    expected |= {f"ASC_STATUS_{status.name}": int(status) for status in protocol.Status}
    expected |= {f"ASC_TIMER_{unit.name}": int(unit) for unit in protocol.TimerUnit}
    (tmp_path / "asc_protocol.h").write_text(protocol_header(), encoding="utf-8")
    checks = "".join(f"typedef char is_{name}[({name}) == {value}u ? 1 : -1];\n" for name, value in expected.items())
    (tmp_path / "check.c").write_text(
        f'#include "asc_protocol.h"\n#include "asc_protocol.h"\n{checks}', encoding="utf-8"
    )
    compiled = subprocess.run(
        ["gcc", *STRICT, "-fsyntax-only", "check.c"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert compiled.returncode == 0, compiled.stderr


def test_header_is_deterministic_and_says_where_it_comes_from() -> None:
    assert protocol_header() == protocol_header()
    assert protocol_header().startswith("/* The wire protocol's constants. Written by asc-kit; do not edit.")
