"""Every alert has a drill, or a reason why no fault can wake it."""

from __future__ import annotations

from alerts.drills.drill import load_drills
from alerts.drills.rules import drilled_rules
from alerts.drills.unreached import load_unreached
from slo.spec import Spec


def test_every_alert_stands_in_exactly_one_place(spec: Spec) -> None:
    """Each alert of rules and catalogue is expected by a drill or named with the reason why none can reach it, never both."""
    every = {rule.alert for rule in drilled_rules(spec, 1).alerts()}
    drilled = {wanted.alert for drill in load_drills() for wanted in drill.expects}
    unreached = set(load_unreached())
    assert every - drilled - unreached == set()
    assert drilled & unreached == set()
    assert (drilled | unreached) - every == set()


def test_more_than_ten_pages_are_drilled() -> None:
    """Precision and recall rest on ten drills and more, each with a fault of its own."""
    drills = [drill for drill in load_drills() if not drill.quiet]
    assert len(drills) >= 10
    assert len({drill.fault for drill in drills}) >= 10
