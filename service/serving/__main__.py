"""`python -m service.serving`: the start of one worker, deaf to the terminal before anything is loaded.

Ctrl-C and the end of a terminal reach the whole group; the supervisor hears them and tells its workers what to do, once.
"""

from __future__ import annotations

import signal
import sys

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    from service.serving.worker import main

    sys.exit(main(sys.argv[1:]))
