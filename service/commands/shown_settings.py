"""`python -m service settings`: every setting with its value and where that comes from, and what production would refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import SecretStr

from service.chosen import providers_of
from service.deployments.load import deployment_file, load_deployment
from service.errors import ConfigurationError
from service.masking import MASK, without_passwords
from service.secret_files import PREFIX
from service.security.addresses import trusted_proxies
from service.settings import Settings, given_settings, other_variables

_REFUSED = 2

Source = Literal["default", "environment", "file"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting; `value` is None where there is none, and MASK for a secret."""

    variable: str
    value: str | int | float | bool | None
    source: Source


def run(*, as_json: bool, tell: Callable[[str], None]) -> int:
    """Show all of them; 0, or 2 when this installation is for production and would not start.

    Raises:
        ConfigurationError: a setting cannot be read at all.
    """
    settings = given_settings()
    keys, ignored = other_variables()
    shown = [*shown_settings(settings), *(Shown(name, *_key(name)) for name in keys)]
    refused = refusals(settings)
    if as_json:
        tell(
            json.dumps(
                {
                    "settings": [asdict(one) for one in shown],
                    "ignored": ignored,
                    "production_refuses": refused,
                },
                indent=2,
            )
        )
    else:
        for line in _lines(shown, ignored, refused):
            tell(line)
    return _REFUSED if refused and settings.environment == "production" else 0


def shown_settings(settings: Settings) -> list[Shown]:
    """Every setting, in the order of the docs."""
    return [
        Shown(f"{PREFIX}{name.upper()}", _value(getattr(settings, name)), _source(settings, name))
        for name in type(settings).model_fields
    ]


def refusals(settings: Settings) -> list[str]:
    """Everything that would keep these settings from starting in production, each in a sentence without a secret."""
    strict = settings.model_copy(update={"environment": "production"})
    found = settings.production_refuses()
    for check in (
        lambda: trusted_proxies(strict.trusted_proxies),
        lambda: load_deployment(deployment_file(strict.deployment)),
        lambda: providers_of(strict),
    ):
        try:
            check()
        except ConfigurationError as error:
            found.append(str(error))
    return [without_passwords(sentence) for sentence in found]


def _source(settings: Settings, name: str) -> Source:
    value = getattr(settings, name)
    if isinstance(value, SecretStr) or (value is None and f"{name}_file" in type(settings).model_fields):
        if getattr(settings, f"{name}_file", None) is not None:
            return "file"
        return "default" if value is None else "environment"
    return "environment" if name in settings.model_fields_set else "default"


def _value(value: object) -> str | int | float | bool | None:
    match value:
        case SecretStr():
            return MASK
        case None | bool() | int() | float():
            return value
        case _:
            return without_passwords(str(value))


def _key(name: str) -> tuple[str, Source]:
    return (MASK, "file" if name.endswith("_FILE") else "environment")


def _lines(shown: list[Shown], ignored: list[str], refused: list[str]) -> Iterator[str]:
    width = max(len(one.variable) for one in shown)
    for one in shown:
        value = "-" if one.value is None else str(one.value)
        yield f"{one.variable:<{width}}  {one.source:<11}  {value}"
    for name in ignored:
        yield f"ignored: {name} is no setting"
    for sentence in refused:
        yield f"production would refuse: {sentence}"
