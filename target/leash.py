"""Starts a command that dies with its parent: `python -I -S target/leash.py PARENT[:USER] COMMAND [ARGUMENT…]`.

On Linux the kernel is asked to kill this process when the thread that started it ends (prctl PR_SET_PDEATHSIG, kept across
exec), then the command takes its place under the same pid. This runs between fork and exec of nobody, so it is safe where a
`preexec_fn` is not: in a parent with threads. Elsewhere it only executes the command. With USER, a number that only root may give, the command
runs as that user and group; the kernel forgets its order when a process changes its user, so that comes first.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main(arguments: list[str]) -> None:
    """Ties this process to `arguments[0]`, the parent's pid, and becomes the command that follows."""
    parent, _, user = arguments[0].partition(":")
    command = arguments[1:]
    if user:
        os.setgroups([])
        os.setgid(int(user))
        os.setuid(int(user))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != int(parent):  # the parent died before the leash held
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - an argument list, never a shell string


if __name__ == "__main__":
    main(sys.argv[1:])
