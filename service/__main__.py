"""`python -m service …`: ready for a word to stop before anything is loaded.

What the commands need takes seconds to import. Until something else listens to signals, SIGTERM ends the process with one line and
the status that shells have for it; the first process of a container would not even hear it without a handler.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

_STANDARD_ERROR = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; see `service.commands.line.main`."""
    from service.commands.line import main as run  # noqa: PLC0415 - all that takes time to load stands behind it

    return run(arguments)


def _end(number: int, _: FrameType | None) -> None:
    os.write(_STANDARD_ERROR, b"courtsight: told to stop\n")
    raise SystemExit(128 + number)


def _run() -> int:
    signal.signal(signal.SIGTERM, _end)
    # What a command makes (a library's files above all, which others write for us) is its owner's alone, whatever it was started with.
    os.umask(0o077)
    try:
        return main()
    except KeyboardInterrupt:
        os.write(_STANDARD_ERROR, b"courtsight: interrupted\n")
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(_run())
