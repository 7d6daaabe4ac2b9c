"""The decision as a few lines of Markdown, for a pull request."""

from __future__ import annotations

import re

from reports import formats
from reports.decision import Decision, Reason, Row
from reports.score import score_text
from slo.verdict import Readiness, Verdict

MAX_LINES = 12
"""At most so many reasons of a kind; the page has them all."""

_SIGNS = {
    Readiness.GO: "✅",
    Readiness.CONDITIONAL: "⚠️",
    Readiness.UNDECIDED: "❔",
    Readiness.NO_GO: "⛔",
}
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&])")


def markdown(decision: Decision) -> str:
    """Verdict, reasons, a table of the gates and what the next phase lacks. Text from evidence is escaped."""
    lines = [
        f"## {_SIGNS[decision.readiness]} {decision.readiness} for phase {decision.phase}",
        "",
        escape(decision.why),
        "",
        f"Engine **{decision.engine or 'unknown'}** · run `{decision.run or 'unknown'}` · {formats.utc(decision.at)}",
    ]
    if decision.score is not None:
        lines[-1] += f" · score {score_text(decision.score)}"
    lines += [f"\n> {escape(note)}" for note in decision.notes]
    lines += _reasons("### What stands in the way", decision.blocking)
    lines += _gates(decision)
    if decision.next_phase is not None:
        title = f"### What {decision.next_phase.phase} still lacks"
        lines += _reasons(title, decision.next_phase.lacks)
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is: nothing in it starts markup, a table cell, a link or a mention."""
    plain = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", plain).replace("@", "@\u200b").replace("://", ":\u200b//")


def _reasons(title: str, reasons: tuple[Reason, ...]) -> list[str]:
    if not reasons:
        return []
    lines = ["", title, ""]
    lines += [f"- **{escape(one.title)}** ({one.leads_to}): {escape(one.text)}" for one in reasons[:MAX_LINES]]
    if len(reasons) > MAX_LINES:
        lines.append(f"- and {len(reasons) - MAX_LINES} more")
    return lines


def _gates(decision: Decision) -> list[str]:
    gates = list(dict.fromkeys(row.gate for row in decision.rows))
    lines = ["", "| Gate | Passed | Closest to its contract |", "|---|---|---|"]
    for gate in gates:
        own = [row for row in decision.rows if row.gate == gate]
        passed = sum(row.verdict is Verdict.PASS for row in own)
        lines.append(f"| {escape(own[0].title)} | {passed} of {len(own)} | {escape(_closest(own))} |")
    return lines if gates else []


def _closest(rows: list[Row]) -> str:
    """The worst cell: what is not passed first, then the one that uses most of its allowance."""
    worst = max(rows, key=lambda row: (row.verdict is not Verdict.PASS, formats.used(row) or 0.0))
    if worst.value is None:
        return f"{formats.cell(worst.labels)}: {worst.reason}"
    value = formats.amount(worst.value, worst.unit)
    return f"{formats.cell(worst.labels)}: {value} ({formats.objective(worst)}, n = {worst.n})"
