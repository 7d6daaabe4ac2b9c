"""Run as a program: compiles everything that the service compiles, tries hostile texts on each pattern, prints what took too long as JSON.

A program of its own, because patterns that were compiled before the recorder was in place would be missed.
"""

from __future__ import annotations

import functools
import importlib
import json
import pkgutil
import re
import string
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
LENGTH = 5_000
MOST_SECONDS = 0.05
SIGNS = " .,(a1"
BAIT = ("a ", "1.", "aa ", "pasal 1 ", "nomor 1 tahun ", " \n")


READ_CALMED = ("answering", "chat/", "deployments/", "retrieval/", "weighing")
"""Rooms that see a question only as `service.text.calmed` leaves it: single spaces, at most 40 signs and 200 letters in a row."""


IN_A_CHILD = ("ingest/",)
"""Reads documents in a process of its own with limits on time and memory, which has its own tests."""


def recorded() -> dict[str, Any]:
    """Every pattern that a file of the service compiles while it is imported and its deployment read, by place and text."""
    import service

    found: dict[str, Any] = {}
    compiling = re._compile  # type: ignore[attr-defined]  # the one place that compile, match, sub and all others go through
    home = str(Path(service.__file__).parent)

    def recording(pattern: Any, flags: int) -> Any:
        made = compiling(pattern, flags)
        frame = sys._getframe(2)
        if frame.f_code.co_filename.startswith(home):
            place = frame.f_code.co_filename.removeprefix(home).lstrip("/")
            found[f"{place}:{frame.f_lineno}: {made.pattern!r}"] = made
        return made

    re._compile = recording  # type: ignore[attr-defined]
    for module in pkgutil.walk_packages(service.__path__, "service."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    from service.deployments.load import deployment_file, load_deployment

    load_deployment(deployment_file("courtsight"))
    return found


def hostile(pattern: str) -> Iterator[str]:
    """Texts of LENGTH characters: runs of signs and letters, of what the pattern itself speaks of, and each of them spoiled at its end."""
    words = re.findall(r"[A-Za-z]{2,}", pattern)[:2]
    own = sorted({sign for sign in pattern if sign in string.printable} - {*SIGNS})[:4]
    for piece in (*SIGNS, *own, *BAIT, *(f"{word} " for word in words)):
        # The last sign fits nothing, so that a pattern that must end somewhere has to try every way.
        yield (piece * LENGTH)[: LENGTH - 1] + "\x00"


def is_anchored(place: str) -> bool:
    """Whether the file uses the pattern of that line only from the beginning of a text: trying every beginning is then nobody's cost."""
    file, line, _ = place.split(":", 2)
    source = (ROOT / "service" / file).read_text(encoding="utf-8")
    assigned = re.match(r"(\w+)(?::[^=]+)? = ", source.splitlines()[int(line) - 1])
    if assigned is None:
        return False
    used = set(re.findall(rf"\b{assigned[1]}\b(?:\.(\w+))?", source)) - {""}
    return bool(used) and used <= {"match", "fullmatch"}


def seconds_of(tried: Callable[[str], object], text: str) -> float:
    """CPU seconds of one search: another program on the machine does not count."""
    began = time.process_time()
    tried(text)
    return time.process_time() - began


def main() -> None:
    """Print the number of patterns and the slow ones."""
    found = recorded()
    from service.text import calmed

    calm = functools.lru_cache(maxsize=None)(calmed)

    slow: dict[str, float] = {}
    for name, pattern in found.items():
        if isinstance(pattern.pattern, bytes) or name.startswith(IN_A_CHILD):
            continue
        tried = pattern.match if is_anchored(name) else pattern.search
        for text in hostile(pattern.pattern):
            if name.startswith(READ_CALMED):
                text = calm(text)  # noqa: PLW2901 - as the question's first reader does
            taken = seconds_of(tried, text)
            if taken > MOST_SECONDS:
                # Twice more: a first run may have met the garbage collector.
                taken = min(taken, seconds_of(tried, text), seconds_of(tried, text))
            if taken > MOST_SECONDS:
                slow[name] = max(slow.get(name, 0.0), round(taken, 3))
    print(json.dumps({"patterns": len(found), "slow": slow}))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
