"""A small spec of a service that is not ours: one SLO, or others in its place."""

from __future__ import annotations

HEAD = """
spec: courtsight/slo/v1
service: shop
owner: shop-team
window: 7d
selector: {job: shop}
slos:
"""
ORDERS = """
  orders:
    title: Orders taken
    objective: 99%
    ratio: {metric: orders_total, label: code, good: ["200"], bad: ["500"]}
"""
ONE_PAIR = "    alerting: {windows: [{severity: page, budget_share: 8%, long: 1h, short: 5m, for: 2m}]}\n"
"""Below an SLO: one alert, so that its proof is short."""


def shop(slos: str = ORDERS) -> str:
    """The spec with these SLOs."""
    return HEAD + slos
