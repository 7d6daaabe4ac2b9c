"""Starts a Python program again and again without importing it each time, so that a drill of 200 kills takes minutes.

    python -m benchmarks.durability.forking PROGRAM [MODULE=NAME …|SCRIPT …]

The modules named with a leading `+` are imported and the scripts are run once; then each line on the standard input, a socket, is an order in
JSON: `{"start": [arguments]}` forks a process that runs `python -m PROGRAM arguments` and answers its id, `{"kill": true}` sends it
SIGKILL and answers its status. Such a process has the files, threads and connections that it opened itself, like any other: only its
imports were done before. It dies with this program, and this program ends when its standard input closes.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main(arguments: list[str]) -> None:
    """Prepare, then take orders."""
    program, *prepared = arguments
    for one in prepared:
        if one.startswith("+"):
            importlib.import_module(one[1:])
        else:
            runpy.run_path(one)
    gc.freeze()
    orders = socket.socket(fileno=os.dup(0))
    child = 0
    with orders.makefile("rw", encoding="utf-8") as lines:
        for line in lines:
            order = json.loads(line)
            if "start" in order:
                child = os.fork()
                if not child:
                    break
                answer = child
            else:
                answer = _killed(child)
                child = 0
            print(json.dumps(answer), file=lines, flush=True)
        else:
            if child:
                _killed(child)
            return
    orders.close()
    _become(program, order["start"])


def _killed(child: int) -> int:
    """Waited for here alone, so that its id cannot belong to a stranger; what ended by itself keeps its own status."""
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _become(program: str, arguments: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.argv = [program, *arguments]
    runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
