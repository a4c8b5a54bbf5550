"""What a command brings into memory that fetches an export: its memory is counted with the registry's (docs/data.md)."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from chelu.cli import build
from chelu import api, api_exports
build()
print([name for name in ("numpy", "pyarrow", "psycopg", "scipy") if name in sys.modules])
"""


def test_a_command_that_reads_no_rows_does_without_numpy() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
