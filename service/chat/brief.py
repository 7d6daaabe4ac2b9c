"""What an engine is given to write an answer from: the question, the passages, and how to speak."""

from __future__ import annotations

from dataclasses import dataclass

from service.chat.evidence import Evidence
from service.chat.registers import Register


@dataclass(frozen=True, slots=True)
class Brief:
    """The whole task of an engine. It may only state what the evidence says, and cites it by number as [n].

    `carried` is the topic that a follow-up inherits; `comparison` are the numbers of the decisions to compare, by time;
    `remark` says what the comparison found about its own period, or is empty.
    """

    question: str
    carried: str
    register: Register
    evidence: tuple[Evidence, ...]
    comparison: tuple[int, ...] = ()
    remark: str = ""
