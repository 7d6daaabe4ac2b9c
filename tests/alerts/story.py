"""Stories that promtool tells: a spec, made-up traffic, and what must be seen of it at which time.

What must be near a number is asked as a question whose answer is 1, because promtool compares exactly.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from alerts.emit import rules_yaml, to_yaml
from alerts.model import RuleFile
from alerts.rules import rule_file
from slo.load import parse_spec
from slo.spec import Spec

HEAD = """
spec: courtsight/slo/v1
service: shop
owner: shop-team
window: {window}
selector: {{job: shop}}
slos:
  orders:
    title: Orders taken
    objective: {objective}
    events: {{valid: 'http_requests_total{{job="shop"}}', bad: 'http_requests_total{{job="shop",code=~"5.."}}'}}
"""
GOOD, BAD = (f'http_requests_total{{job="shop",instance="a",code="{code}"}}' for code in ("200", "500"))
ORDERS = '{sloth_id="shop-orders"}'
RATIO = "slo:sli_error:ratio_rate"


def shop(objective: str = "99.9%", window: str = "30d", more: str = "") -> Spec:
    """A spec of a service that is not ours; `more` stands below the SLO."""
    return parse_spec((HEAD.format(objective=objective, window=window) + more).encode(), "shop.yaml")


@dataclass
class Story:
    """Traffic, and what must be seen of it; times are written like `10m`.

    Attributes:
        step: Between two samples.
        evaluated: Between two evaluations; as often as there are samples without.
        rules: Those that are evaluated; all of the spec without.
    """

    spec: Spec
    series: dict[str, str]
    step: str = "1m"
    evaluated: str = ""
    rules: RuleFile | None = None
    looks: list[dict[str, object]] = field(default_factory=list)

    def sees(self, at: str, expr: str, *samples: tuple[str, float]) -> Story:
        """At that time the expression yields exactly these samples; without any it yields nothing."""
        found = [{"labels": labels, "value": value} for labels, value in samples]
        self.looks.append({"expr": expr, "eval_time": at, "exp_samples": found})
        return self

    def near(self, at: str, expr: str, truth: float, *, within: float) -> Story:
        """At that time the expression yields one sample that differs from the truth by so much of it at most."""
        return self.sees(at, f"sum(abs(({expr}) - {truth!r})) <= bool {truth * within!r}", ("{}", 1))

    def firing(self, at: str, *severities: str) -> Story:
        """At that time burn-rate alerts of these severities fire, and of no others."""
        expr = 'count by (severity) (ALERTS{alertstate="firing",burn_rate_factor!=""})'
        return self.sees(
            at, f"{expr} >= bool 1", *((f'{{severity="{severity}"}}', 1.0) for severity in sorted(severities))
        )


Tell = Callable[[Story], None]
"""Lets promtool evaluate a story."""


def cumulative(increments: Iterable[int]) -> str:
    """A counter that begins at zero, in promtool's notation, runs of equal steps put together."""
    parts, value, run, step = ["0"], 0, 0, None
    for increment in increments:
        if increment == step:
            run += 1
        else:
            if step is not None:
                parts.append(f"{value + step}+{step}x{run - 1}")
                value += step * run
            step, run = increment, 1
    if step is not None:
        parts.append(f"{value + step}+{step}x{run - 1}")
    return " ".join(parts)


def tell(story: Story, promtool: Path, folder: Path) -> None:
    """Let promtool evaluate the story in an empty folder, and fail with its words."""
    rules = story.rules or rule_file(story.spec)
    (folder / "rules.yaml").write_bytes(rules_yaml(rules))
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": story.evaluated or story.step,
        "group_eval_order": [group.name for group in rules.groups],
        "tests": [
            {
                "interval": story.step,
                "input_series": [{"series": name, "values": values} for name, values in story.series.items()],
                "promql_expr_test": story.looks,
            }
        ],
    }
    (folder / "test.yaml").write_bytes(to_yaml(document, story.spec.service))
    done = subprocess.run(
        [str(promtool), "test", "rules", "test.yaml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
