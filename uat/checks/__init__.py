"""The checks that a scenario may name, one file each; `not-` before a name turns PASS and FAIL around."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from uat.checks import (
    abstains,
    answered,
    citation_count,
    citation_resolves,
    cites_article,
    complexity,
    confidence,
    contains,
    demo_marked,
    disclaimer_present,
    export_not_empty,
    history_length,
    is_refusal,
    latency,
    no_existence_oracle,
    refusal_reason,
    result_count,
    same_conversation,
    status,
    step_count,
    stream_equals_answer,
    tool_used,
    tools_allowed,
    total_time,
    unverified_marked,
    word_count,
)
from uat.checks.check import Check, NoArgs

__all__ = ["CHECKS", "NEGATION", "Check", "NoArgs"]

NEGATION: Final = "not-"

CHECKS: Final[Mapping[str, Check[Any]]] = MappingProxyType(
    {
        "abstains": Check(NoArgs, abstains.check),
        "answered": Check(NoArgs, answered.check),
        "citation-count": Check(citation_count.Args, citation_count.check),
        "citation-resolves": Check(NoArgs, citation_resolves.check),
        "cites-article": Check(cites_article.Args, cites_article.check),
        "complexity": Check(complexity.Args, complexity.check),
        "confidence": Check(confidence.Args, confidence.check),
        "contains": Check(contains.Args, contains.check),
        "demo-marked": Check(NoArgs, demo_marked.check),
        "disclaimer-present": Check(NoArgs, disclaimer_present.check),
        "export-not-empty": Check(NoArgs, export_not_empty.check),
        "history-length": Check(history_length.Args, history_length.check),
        "icontains": Check(contains.Args, contains.check_without_case),
        "is-refusal": Check(NoArgs, is_refusal.check),
        "latency": Check(latency.Args, latency.check),
        "no-existence-oracle": Check(no_existence_oracle.Args, no_existence_oracle.check),
        "refusal-reason": Check(refusal_reason.Args, refusal_reason.check),
        "result-count": Check(result_count.Args, result_count.check),
        "same-conversation": Check(NoArgs, same_conversation.check),
        "status": Check(status.Args, status.check),
        "step-count": Check(step_count.Args, step_count.check),
        "stream-equals-answer": Check(NoArgs, stream_equals_answer.check),
        "tool-used": Check(tool_used.Args, tool_used.check),
        "tools-allowed": Check(tools_allowed.Args, tools_allowed.check),
        "total-time": Check(total_time.Args, total_time.check),
        "unverified-marked": Check(NoArgs, unverified_marked.check),
        "word-count": Check(word_count.Args, word_count.check),
    }
)
