"""What every tool is: a name, a sentence for people, and a run that gives passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from datetime import date
from typing import Protocol

from service.chat.language import Language
from service.retrieval.hits import Hit, Search
from service.retrieval.retriever import NO_FILTERS, Filters, Retriever
from service.values import value


@value
class ToolRequest:
    """What to look up, the day on which it is asked ("the last five years" counts from there), and where.

    All tools of one question look into the same state of the corpus, whatever is published meanwhile. `filters` are those that the
    question asks for; the tools that look for laws hold to them, decisions are chosen by their own period.
    """

    query: str
    today: date
    retriever: Retriever
    language: Language = "id"
    filters: Filters = NO_FILTERS


@value
class ToolResult:
    """The passages found, the searches made for them, and a remark in the reader's language (may be empty)."""

    hits: Sequence[Hit]
    searches: Sequence[Search] = field(default_factory=tuple)
    remark: str = ""

    @property
    def outcome(self) -> str:
        """`ok`, or `empty` when nothing was found."""
        return "ok" if self.hits else "empty"


class Tool(Protocol):
    """A tool may wait for a network: several of them run at the same time."""

    @property
    def name(self) -> str:
        """The name under which answers and metrics know the tool."""

    @property
    def description(self) -> str:
        """What the tool does, for people, in Indonesian."""

    async def run(self, request: ToolRequest) -> ToolResult:
        """Look something up."""
