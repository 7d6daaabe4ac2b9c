"""What `--help` shows of each command beside its options: what it does, examples that run as they stand, and its exit statuses."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

PROGRAM: Final = "python -m service"
USAGE: Final = 2
INTERRUPTED: Final = 130
READER_LEFT: Final = 141

_LEFT = f"{READER_LEFT} who reads the output has left"
_CAME_TO_AN_END = (
    f"0 done; 2 it could not be, one line on standard error says why; 130 interrupted; {_LEFT}; 143 told to stop"
)
_STATUSES: Mapping[str, str] = {
    "serve": "0 stopped by SIGTERM; 2 could not start, one line on standard error says why; 130 stopped by Ctrl-C; 143 SIGTERM before it listened",
    "settings": f"0 production would start with them; 2 it would refuse; in development always 0; {_LEFT}",
    "ingest": f"0 all in; 1 something was refused, the rest is published; 2 usage; 5 nothing published; 130 interrupted; {_LEFT}; 143 told to stop",
}
"""Of a command and all below it, where they are others than usual."""
_SETTINGS = "Settings are environment variables that begin with COURTSIGHT_; docs/settings.md lists them."

_KEYED = "export COURTSIGHT_JWT_SECRET=\"$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')\""

EXAMPLES: Mapping[str, Sequence[str]] = {
    "": (
        _KEYED,
        "printf '%s' 'a long password' | python -m service accounts create --username ana --role judge --password-file -",
        "python -m service serve --port 8000",
        "curl -s localhost:8000/health/ready",
    ),
    "serve": (
        _KEYED,
        "python -m service serve --port 8000",
        "COURTSIGHT_ENVIRONMENT=development python -m service serve --port 0",
        "python -m service serve --host 0.0.0.0 --workers 2",
    ),
    "settings": ("python -m service settings", "python -m service settings --json"),
    "accounts": (
        "python -m service accounts list",
        "printf '%s' 'a long password' | python -m service accounts create --username ana --role judge --password-file -",
    ),
    "accounts create": (
        "printf '%s' 'a long password' | python -m service accounts create --username ana --role judge --password-file -",
        "python -m service accounts create --username budi --role public --password-file password.txt",
    ),
    "accounts create-many": (
        'echo \'{"username": "ana", "role": "judge", "password": "a long password"}\' | python -m service accounts create-many -',
        "python -m service accounts create-many people.jsonl",
    ),
    "accounts list": ("python -m service accounts list", "python -m service accounts list --json"),
    "accounts erase": (
        "python -m service accounts erase --username ana",
        "python -m service accounts erase --username ana --keep-account",
    ),
    "accounts disable": ("python -m service accounts disable --username ana",),
    "accounts enable": ("python -m service accounts enable --username ana",),
    "accounts set-role": ("python -m service accounts set-role --username ana --role lawyer",),
    "accounts set-password": (
        "printf '%s' 'another long password' | python -m service accounts set-password --username ana --password-file -",
    ),
    "keys": ("python -m service keys list",),
    "keys create": (
        "python -m service keys create --username ana --name 'nightly report' --scopes read --days 30",
        "python -m service keys create --username ana --name 'load test' --quota load-test --no-end",
    ),
    "keys list": ("python -m service keys list --username ana", "python -m service keys list --json"),
    "keys revoke": ("python -m service keys revoke KEY-ID",),
    "audit": ("python -m service audit show --since 24h",),
    "audit show": (
        "python -m service audit show --since 24h",
        "python -m service audit show --since 2026-11-20T08:00Z --limit 50 --json",
    ),
    "switch": (
        "python -m service switch extractive-only show",
        "python -m service switch extractive-only on",
    ),
    "migrate": ("python -m service migrate --show", "python -m service migrate --to 2 --yes"),
    "retention": ("python -m service retention show", "python -m service retention run"),
    "backup": ("python -m service backup courtsight.backup.gz",),
    "restore": (
        "python -m service restore courtsight.backup.gz",
        "python -m service restore courtsight.backup.gz --force",
    ),
    "ingest": (
        "python -m service ingest laws/ --library library --dry-run",
        "python -m service ingest laws/ --library library",
        _KEYED,
        "COURTSIGHT_CORPUS=library python -m service serve",
    ),
    "publish": ("python -m service publish library --database-url-file writer-address",),
    "embed": ("python -m service embed library --embeddings embedding.yaml",),
    "show-answers": ("python -m service show-answers docs/answers.jsonl --date 2026-11-21",),
    "metrics-table": ("python -m service metrics-table", "python -m service metrics-table --into docs/telemetry.md"),
    "complexity-eval": ("python -m service complexity-eval", "python -m service complexity-eval labelled.jsonl"),
    "complexity-fit": ("python -m service complexity-fit --deployment courtsight",),
    "retrieval-eval": (
        "python -m service retrieval-eval --corpus laws.jsonl --queries queries.jsonl --qrels judged.txt --ablation",
    ),
    "confidence-eval": (
        "python -m service confidence-eval --corpus laws.jsonl --queries queries.jsonl --qrels judged.txt --negatives none",
    ),
    "decline-eval": ("python -m service decline-eval --corpus laws.jsonl --queries off-topic.jsonl --sweep",),
}
"""By the words of a command, none for the whole; a test parses each line, and finds each command here."""


if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - the library names no public type
else:
    _Commands = argparse._SubParsersAction  # noqa: SLF001 - as above; generic for type checkers alone


class _Told(_Commands):
    """Commands whose sentence in the list of all stands above their own help as well."""

    def add_parser(self, name: str, **named: Any) -> argparse.ArgumentParser:  # noqa: ANN401 - the library's own
        """See argparse."""
        sentence = str(named.get("help", ""))
        named.setdefault("description", f"{sentence[:1].upper()}{sentence[1:]}.")
        return super().add_parser(name, **named)


class CommandParser(argparse.ArgumentParser):
    """A parser whose help ends with examples and exit statuses, as do those of all commands that are added to it."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - the library's own
        """See argparse; the name of the program finds the examples."""
        super().__init__(**{**named, "formatter_class": argparse.RawDescriptionHelpFormatter})
        self.register("action", "parsers", _Told)
        words = self.prog.removeprefix(PROGRAM).strip()
        lines = [f"  {line}" for line in EXAMPLES.get(words, ())]
        statuses = _STATUSES.get(words.partition(" ")[0], _CAME_TO_AN_END)
        self.epilog = "\n".join(["examples:", *lines, "", f"exit status: {statuses}", "", _SETTINGS])
