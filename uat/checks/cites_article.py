"""`cites-article {law, article}`: a citation stands on this article (or one of these) of this law."""

from __future__ import annotations

from pydantic import Field

from slo.strict_yaml import Wire
from uat.checks.check import Text
from uat.exchange import CheckResult, TurnResult, passed_if


class Args(Wire):
    """`law`: as the corpus writes it, `UU 1/2023`; `article`: one of these numbers."""

    law: Text
    article: list[Text] = Field(min_length=1)


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS when one citation has the law and one of the articles."""
    cited = [f"{citation.law} pasal {citation.article or '-'}" for citation in turn.answer.citations]
    wanted = {f"{args.law} pasal {article}" for article in args.article}
    return passed_if(
        bool(wanted & set(cited)),
        f"{args.law}, article {' or '.join(args.article)}",
        "; ".join(cited) or "no citation",
        "ask LawLookup alone for the article; is it in the corpus?",
    )
