"""`python -m service switch`: turn something while the service runs."""

from __future__ import annotations

from service.commands.accounts import Desk, kept
from service.store.switches import is_on, turn


def show(desk: Desk, name: str) -> str:
    """`on` or `off`.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    return "on" if kept(desk, lambda: is_on(name)) else "off"


def set_to(desk: Desk, name: str, *, on: bool) -> None:
    """Turn a switch; running services see it within a second.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    kept(desk, lambda: turn(name, on=on, now=desk.now, by=desk.by))
