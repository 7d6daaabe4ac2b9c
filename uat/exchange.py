"""What one turn of a scenario gave back, and what a check says of it. Frozen values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from target.chat import Answer, Message, Passage


class Outcome(StrEnum):
    """What a check came to. ERROR: it could not be measured. N/A: there was nothing that it speaks about."""

    PASS = "PASS"  # noqa: S105 - an outcome, no password
    FAIL = "FAIL"
    ERROR = "ERROR"
    NOT_APPLICABLE = "N/A"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A finding.

    Attributes:
        expected: What the scenario wants, for people.
        got: What came.
        advice: What to try when it failed.
    """

    outcome: Outcome
    expected: str
    got: str
    advice: str = ""


class UnmeasuredError(Exception):
    """A check has nothing to look at: no answer came, or the turn was of another kind. The runner makes it ERROR."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came back, whatever way it went.

    Attributes:
        via: chat, stream, tool, history, export or raw.
        status: HTTP status, or None when nobody answered (`unreachable` says why).
        code: The problem's code; empty when the request succeeded.
        conversation_id: The conversation that the question was put into; None when a new one was asked for.
        text: The body as it came (raw), or the deltas of a stream joined.
        sources: Text by document id of what the answer cites, as far as the tools gave it.
    """

    via: str
    role: str
    asked: str
    status: int | None
    duration_seconds: float
    code: str = ""
    unreachable: str = ""
    conversation_id: str | None = None
    answer: Answer | None = None
    ttft_seconds: float | None = None
    text: str = ""
    messages: tuple[Message, ...] | None = None
    exported: tuple[str, ...] | None = None
    passages: tuple[Passage, ...] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether the request was answered with a 2xx that could be read."""
        return self.status is not None and 200 <= self.status < 300 and not self.code

    def said(self) -> str:
        """The way it ended, for findings: `200`, `403 permission_required`, `no answer: …`."""
        return f"no answer: {self.unreachable}" if self.status is None else f"{self.status} {self.code}".rstrip()


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What a check looks at.

    Attributes:
        exchange: This user's exchange.
        earlier: This user's exchanges of the turns before, in order.
        everyone: All users' exchanges of this turn; one for an ordinary scenario.
        elapsed_seconds: From the scenario's start to the end of this turn for the last of its users.
    """

    exchange: Exchange
    earlier: tuple[Exchange, ...] = ()
    everyone: tuple[Exchange, ...] = ()
    elapsed_seconds: float = 0.0

    @property
    def answer(self) -> Answer:
        """The answer; raises UnmeasuredError when there is none."""
        if self.exchange.answer is None:
            raise UnmeasuredError(f"there is no answer to look at ({self.exchange.said()})")
        return self.exchange.answer


def passed_if(holds: bool, expected: str, got: str, advice: str = "") -> CheckResult:
    """PASS or FAIL by a condition; advice only stands beside a failure."""
    return CheckResult(Outcome.PASS, expected, got) if holds else CheckResult(Outcome.FAIL, expected, got, advice)


def shortened(text: str, length: int = 160) -> str:
    """A text cut for a finding."""
    plain = " ".join(text.split())
    return plain if len(plain) <= length else plain[: length - 1] + "…"
