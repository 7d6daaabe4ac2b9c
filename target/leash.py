"""Starts a command that dies with its parent: `python -I -S target/leash.py PARENT COMMAND [ARGUMENT…]`.

On Linux the kernel is asked to kill this process when the thread that started it ends (prctl PR_SET_PDEATHSIG, kept across
exec), then the command takes its place under the same pid. This runs between fork and exec of nobody, so it is safe where a
`preexec_fn` is not: in a parent with threads. Elsewhere it only executes the command.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main(arguments: list[str]) -> None:
    """Ties this process to `arguments[0]`, the parent's pid, and becomes the command that follows."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the leash held
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - an argument list, never a shell string


if __name__ == "__main__":
    main(sys.argv[1:])
