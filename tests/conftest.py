"""What every test stands on: properties have no time limit, Ctrl-C is heard, and what runs beside a measurement gives way to it.

Properties are tried on the same cases in every run, so that a change is not held up by what another one left; `--hypothesis-profile searching`
looks for new ones. A busy machine takes its time, and nothing here is about speed; but one whole readiness run decides whether this build is fast enough.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from hypothesis import settings

from tests.giving_way import give_way

settings.register_profile("untimed", deadline=None, derandomize=True)
settings.register_profile("searching", deadline=None)
settings.load_profile("untimed")

MEASURED = pytest.StashKey[bool]()
"""Whether a test of this session measures."""
LOOKING = pytest.StashKey[Callable[[], None]]()
"""What ends the looking for sessions that have to give way."""


def pytest_configure() -> None:
    """Hear Ctrl-C again where a shell began these tests in the background (POSIX: ignored there): what they start would ignore it too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look once for tests that measure."""
    session.stash[MEASURED] = any(item.get_closest_marker("measures") for item in session.items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Lower this worker's priority, and that of all that it will start, before the first test that measures nothing itself."""
    stash = item.session.stash
    if stash[MEASURED] and LOOKING not in stash and item.get_closest_marker("measures") is None:
        stash[LOOKING] = give_way()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look for no more sessions."""
    session.stash.get(LOOKING, lambda: None)()
