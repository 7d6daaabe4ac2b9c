"""What an engine is given to write an answer from: the question, the passages, and how to speak."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Literal

from service.chat.arranging import Part
from service.chat.complexity import Complexity
from service.chat.evidence import Evidence
from service.chat.registers import Register
from service.values import value


@value
class Reading:
    """How one state of the corpus reads words (text to terms) and weighs them (term to idf); by default as they stand, and all alike."""

    terms_of: Callable[[str], Iterable[str]] = str.split
    idf: Callable[[str], float] = lambda _term: 1.0


@value
class Brief:
    """The whole task of an engine. It may only state what the evidence says, and cites it by number as [n].

    `carried` is the topic that a follow-up inherits; `comparison` are the numbers of the decisions to compare, by time;
    `remark` says what the comparison found about its own period, or is empty. `language` is that of the question: the answer is
    written in it, quotations stay in the original. `request_id` goes along to a provider and identifies no person. `cacheable` is
    False when the reader asked for an answer of their own. `parts` are the statements by the parts of the question, where it has several.
    `extractive` says that the reader asked for the extractive engine, `followed` that somebody follows the pieces as they come: else they may
    come as one.
    `corpus` is the hash of the state of the corpus that the evidence is of, and
    `reading` how that state reads words: whatever is published meanwhile, what is written is checked and kept by them.
    """

    question: str
    carried: str
    register: Register
    evidence: tuple[Evidence, ...]
    comparison: tuple[int, ...] = ()
    remark: str = ""
    role: str = "public"
    complexity: Complexity = "simple"
    language: Literal["id", "en"] = "id"
    request_id: str = ""
    cacheable: bool = True
    parts: tuple[Part, ...] = ()
    corpus: str = ""
    extractive: bool = False
    followed: bool = True
    reading: Reading = field(default=Reading(), compare=False, repr=False)
