"""The decision in a terminal: verdict, why, what blocks, what the next phase lacks, where the report is."""

from __future__ import annotations

import textwrap
from pathlib import Path

from reports.decision import Decision, Reason
from reports.score import score_text

WIDTH = 100
MAX_REASONS = 8


def summary(decision: Decision, report: Path | None = None) -> str:
    """A screenful of plain text; `report` is the page's path, shown last so that it stands above the prompt."""
    head = f"{decision.readiness} for phase {decision.phase} ({decision.phase_title}), engine {decision.engine or 'unknown'}"
    lines = [head, *_wrapped(decision.why, "  ")]
    if decision.score is not None:
        lines.append(f"  Weighted score of the gates: {score_text(decision.score)}")
    for note in decision.notes:
        lines += _wrapped(f"Note: {note}", "  ")
    lines += _listed("In the way:", decision.blocking)
    if decision.next_phase is not None:
        lines += _listed(f"Phase {decision.next_phase.phase} still lacks:", decision.next_phase.lacks)
    if report is not None:
        lines += ["", f"Report: {report}"]
    return "\n".join(lines) + "\n"


def _listed(title: str, reasons: tuple[Reason, ...]) -> list[str]:
    if not reasons:
        return []
    lines = ["", title]
    for reason in reasons[:MAX_REASONS]:
        lines += _wrapped(f"{reason.leads_to:<11} {reason.title}: {reason.text}", "  ", " " * 14)
    if len(reasons) > MAX_REASONS:
        lines.append(f"  and {len(reasons) - MAX_REASONS} more in the report")
    return lines


def _wrapped(text: str, first: str, then: str = "  ") -> list[str]:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(plain, WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False)
