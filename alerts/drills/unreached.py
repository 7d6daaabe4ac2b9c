"""The alerts that no drill wakes, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from slo.load import Text
from slo.strict_yaml import Wire, load_strict

FILE = Path(__file__).with_name("unreached.yaml")


class _Unreached(Wire):
    alerts: dict[str, Text]


def load_unreached(path: Path = FILE) -> Mapping[str, str]:
    """Why no drill wakes an alert, by its name.

    Raises:
        InvalidInput: The file is missing or wrong.
    """
    return dict(load_strict(path, _Unreached).alerts)
