"""promtool tests of the catalogue: every story of every entry, told with the deployment's own numbers.

A story that fires is looked at before the expression holds, a minute before its `for` is over, when it is over, two minutes before the
expression stops to hold and then; so a threshold, a window or a `for` that is off is seen. Two minutes, because a range holds its first moment up to
Prometheus 2 and not since 3: what grew last is out of sight a sample sooner. A silent story is looked at whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from alerts.catalogue.model import Area, Catalogue, Entry, Story
from alerts.catalogue.rules import catalogue_labels
from alerts.catalogue.text import places, series, values
from alerts.emit import CATALOGUE_HEADER, to_yaml
from slo.quantities import format_duration
from slo.sli import matchers
from slo.spec import Spec, cell

MINUTE = Decimal(60)
EMPTY_HOUR = Decimal(3600)


def catalogue_tests(catalogue: Catalogue, spec: Spec) -> dict[Area, bytes]:
    """The promtool tests of each area, for rules that stand at `../catalogue/<area>.yaml`."""
    entries = catalogue.of(spec.deployment)
    by_area = {area: [one for one in entries if one.area is area] for area in Area}
    return {
        area: story_tests(found, spec, f"../catalogue/{area.value}.yaml") for area, found in by_area.items() if found
    }


def story_tests(entries: Iterable[Entry], spec: Spec, rules: str) -> bytes:
    """The promtool tests of these entries; `rules` is the path of their rule file from the tests'."""
    told = [_test(entry, story, spec) for entry in entries for story in entry.stories]
    document = {"rule_files": [rules], "evaluation_interval": "1m", "tests": [*told, _without_series()]}
    return to_yaml(document, spec.service, CATALOGUE_HEADER)


def _test(entry: Entry, story: Story, spec: Spec) -> dict[str, Any]:
    known = places(spec)
    looks = _silence(entry, story.silent) if story.silent is not None else _firing(entry, story, spec)
    return {
        "interval": "1m",
        "name": f"{entry.name}: {story.title}",
        "input_series": [
            {"series": series(name, known, entry.parameters), "values": values(text, entry.parameters)}
            for name, text in story.series
        ],
        "promql_expr_test": list(looks),
    }


def _silence(entry: Entry, until: Decimal) -> Iterator[dict[str, Any]]:
    # ALERTS is a series like any other: one look back over all of it sees what was pending for a minute.
    yield _look(f'count_over_time(ALERTS{{alertname="{entry.name}"}}[{format_duration(until)}])', until)


def _firing(entry: Entry, story: Story, spec: Spec) -> Iterator[dict[str, Any]]:
    since = story.since or Decimal(0)
    here = f'ALERTS{{alertname="{entry.name}"}}'
    firing = f'ALERTS{{alertname="{entry.name}",alertstate="firing"}}'
    known = places(spec)
    expected = {name: series(value, known, entry.parameters) for name, value in story.labels.items()}
    every = {**dict(catalogue_labels(entry, spec)), **expected, "alertname": entry.name, "alertstate": "firing"}
    fired = "ALERTS" + matchers(cell(every))
    if since > MINUTE:
        yield _look(here, since - MINUTE)
    if entry.hold:
        yield _look(firing, since + entry.hold - MINUTE)
    yield _look(firing, since + entry.hold, fired)
    if story.until is not None:
        yield _look(firing, story.until - 2 * MINUTE, fired)
        yield _look(firing, story.until)


def _without_series() -> dict[str, Any]:
    """Where an exporter is missing altogether, its alerts keep silent: ExporterDown and ServiceUnwatched speak of that."""
    return {
        "interval": "1m",
        "name": "no series at all: silence",
        "promql_expr_test": [_look(f"count_over_time(ALERTS[{format_duration(EMPTY_HOUR)}])", EMPTY_HOUR)],
    }


def _look(expr: str, at: Decimal, fired: str | None = None) -> dict[str, Any]:
    samples = [] if fired is None else [{"labels": fired, "value": 1.0}]
    return {"expr": expr, "eval_time": format_duration(at), "exp_samples": samples}
