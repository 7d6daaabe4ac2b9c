"""The alert catalogue: read strictly, true to the documents, the same twice, proven by its stories."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from alerts.catalogue import Catalogue, Entry, catalogue_rule, catalogue_rules, load_catalogue
from alerts.catalogue.compat import load_compat
from alerts.catalogue.model import DEPLOYMENTS, Area
from alerts.catalogue.mutants import mutants
from alerts.catalogue.page import catalogue_page
from alerts.catalogue.proof import story_tests
from alerts.catalogue.text import values, worked_out
from alerts.catalogue.trial import load_unnoticed, surprises, survivors
from alerts.emit import rules_yaml
from slo.errors import InvalidInput
from slo.spec import Severity, Spec

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = ("Symptom", "Impact", "Checks", "Mitigation", "Escalation")
NAMED = {
    "MessageProcessingStalled": "page",
    "RedisDown": "ticket",
    "DatabaseDown": "page",
    "LanguageModelsDown": "ticket",
    "RetrievalEmpty": "page",
    "CostPerDayHigh": "ticket",
    "QuotaExceeded": "ticket",
    "SatisfactionLow": "ticket",
    "CacheHitRatioLow": "ticket",
    "ErrorRatioHigh": "page",
    "HttpLatencyHigh": "ticket",
    "ConversationLatencyHigh": "ticket",
    "FirstTokenSlow": "ticket",
    "RetrievalSlow": "ticket",
}
PUBLISHED = {
    "000": {
        976: "HighResponseTime",
        985: "HighErrorRate",
        994: "LowCacheHitRate",
        1003: "DatabaseConnectionHigh",
        1012: "PodCrashLooping",
    },
    "003": {
        948: "ChatServiceDown",
        957: "ChatServiceHighErrorRate",
        967: "ChatServiceHighLatency",
        976: "ChatServiceHighMemoryUsage",
        985: "ChatServiceHighCPUUsage",
        995: "MessageProcessingStalled",
        1004: "ConversationResponseTimeHigh",
        1014: "MongoDBConnectionsHigh",
        1023: "RedisConnectionsHigh",
        1033: "MCPEngineUnreachable",
        1042: "SecurityHubUnreachable",
        1054: "KubernetesNodeNotReady",
        1063: "KubernetesPodCrashLooping",
        1073: "DiskSpaceHigh",
    },
}
"""Typed from the documents: the line of each expression, and its alert."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue that ships."""
    return load_catalogue()


def test_the_alerts_that_drills_wait_for_exist_and_are_as_loud_as_they_say(catalogue: Catalogue) -> None:
    """Fourteen names and severities are a contract with the drills."""
    assert {one.name: one.severity.value for one in catalogue.of("courtsight") if one.name in NAMED} == NAMED


def test_every_published_alert_is_answered(catalogue: Catalogue) -> None:
    """Each of the nineteen alerts that two documents publish stands in the catalogue under its line, with its own expression."""
    found = {source.place: source for _, source in catalogue.sources()}
    for document, alerts in PUBLISHED.items():
        for line, name in alerts.items():
            source = found[f"{document}:{line - 1}"]
            assert source.published == name
            assert source.expr


def test_words_of_the_other_documents_are_answered_too(catalogue: Catalogue) -> None:
    """Limits that documents state in words have an alert: 5 % and 30 s of itb, 1 %, 8 s, quota and cost of textbook."""
    ours = {(source.place, name) for name, source in catalogue.sources()}
    assert {
        ("001:1954", "ErrorRatioHigh"),
        ("001:1955", "ConversationLatencyHigh"),
        ("004:64", "ErrorRatioHigh"),
        ("004:64", "ConversationLatencyHigh"),
        ("004:64", "QuotaExceeded"),
        ("004:65", "CostPerDayHigh"),
    } <= ours


@pytest.mark.parametrize(
    ("deployment", "alert", "parameter", "value", "hold"),
    [
        ("courtsight", "ConversationLatencyHigh", "limit", "10", 120),
        ("itb", "ConversationLatencyHigh", "limit", "30", 300),
        ("platform", "ConversationLatencyHigh", "limit", "5", 300),
        ("textbook", "ConversationLatencyHigh", "limit", "8", 300),
        ("itb", "ErrorRatioHigh", "share", "0.05", 300),
        ("textbook", "ErrorRatioHigh", "share", "0.01", 300),
        ("platform", "HttpLatencyHigh", "limit", "2", 300),
        ("platform", "ContainerMemoryHigh", "share", "0.8", 300),
        ("platform", "ContainerCpuHigh", "share", "0.8", 300),
        ("courtsight", "CacheHitRatioLow", "share", "0.5", 300),
        ("courtsight", "DatabaseConnectionsHigh", "share", "0.8", 120),
        ("platform", "DatabaseConnectionsHigh", "share", "0.8", 300),
        ("platform", "RedisConnectionsHigh", "share", "0.8", 300),
        ("platform", "DiskSpaceHigh", "share", "0.85", 300),
        ("courtsight", "ErrorsPerSecondHigh", "rate", "0.1", 60),
        ("courtsight", "SatisfactionLow", "score", "4", 1800),
        ("career", "FreeModelShareLow", "share", "0.9", 900),
    ],
)
def test_numbers_are_the_documents(
    *, catalogue: Catalogue, deployment: str, alert: str, parameter: str, value: str, hold: int
) -> None:
    """Threshold and `for` of each deployment, typed from its document."""
    entry = catalogue.entry(alert).for_deployment(deployment)
    assert entry.parameters[parameter].value == Decimal(value)
    assert entry.hold == hold


def test_severities_follow_the_documents_words(catalogue: Catalogue) -> None:
    """Critical is a page and warning a ticket, in the deployment whose document says so."""
    assert catalogue.entry("PodCrashLooping").for_deployment("courtsight").severity is Severity.PAGE
    assert catalogue.entry("PodCrashLooping").for_deployment("platform").severity is Severity.TICKET
    for name in ("LanguageModelsDown", "SigningKeysUnreadable", "MessageProcessingStalled"):
        assert catalogue.entry(name).for_deployment("platform").severity is Severity.PAGE


def test_the_same_catalogue_gives_the_same_bytes(catalogue: Catalogue, spec: Spec) -> None:
    """Rules and page come out the same from a catalogue that is read again."""
    for area, rules in catalogue_rules(catalogue, spec).items():
        assert rules_yaml(rules) == rules_yaml(catalogue_rules(load_catalogue(), spec)[area])
    assert catalogue_page(catalogue, load_compat()) == catalogue_page(load_catalogue(), load_compat())


def test_a_drills_pace_changes_durations_only(catalogue: Catalogue, spec: Spec) -> None:
    """At scale 60 ranges, `for` and intervals are divided; thresholds, names and labels stay."""
    real, fast = catalogue_rules(catalogue, spec), catalogue_rules(catalogue, spec, scale=60)
    for area in Area:
        for slow, quick in zip(real[area].alerts(), fast[area].alerts(), strict=True):
            blank = re.compile(r"\[\w+\]")
            assert blank.sub("[]", slow.expr) == blank.sub("[]", quick.expr)
            assert (slow.alert, slow.labels, slow.annotations) == (quick.alert, quick.labels, quick.annotations)
            assert quick.hold == (max(Decimal(1), slow.hold / 60) if slow.hold else 0)
    assert "[5s]" in catalogue_rule(catalogue.entry("ErrorRatioHigh"), spec, scale=60).expr


def test_nothing_is_left_open(catalogue: Catalogue, spec: Spec) -> None:
    """No `$parameter` stays in an expression or an annotation of any deployment; Prometheus' own `$labels` and `$value` do."""
    for deployment in DEPLOYMENTS:
        for rules in catalogue_rules(catalogue, replace(spec, deployment=deployment)).values():
            for rule in rules.alerts():
                text = rule.expr + "".join(value for _, value in rule.annotations)
                assert not re.search(r"\$(?!labels\.|value\b|1)", text), rule.alert


def test_an_unknown_deployment_gets_the_default_ones_alerts(catalogue: Catalogue) -> None:
    """A service that no document describes is watched like courtsight."""
    assert catalogue.of("someone-else") == catalogue.of("courtsight")


def test_what_silences_exists(catalogue: Catalogue) -> None:
    """`silenced_by` names alerts of the catalogue, and nothing silences itself."""
    names = {entry.name for entry in catalogue.entries}
    for entry in catalogue.entries:
        assert set(entry.silenced_by) <= names - {entry.name}


def test_every_alert_has_a_runbook_for_three_in_the_morning(catalogue: Catalogue) -> None:
    """Five headings, at least two checks with a query to paste, at least two ways to mend, and no other alert's name as title."""
    for entry in catalogue.entries:
        text = (ROOT / "docs" / "runbooks" / f"{entry.name}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {entry.name}\n")
        assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == list(SECTIONS), entry.name
        assert "```promql" in text, entry.name
        assert len(re.findall(r"^\d\. ", text, re.MULTILINE)) >= 2, entry.name
        assert len(re.findall(r"^- ", text, re.MULTILINE)) >= 2, entry.name


def test_no_runbook_is_left_over(catalogue: Catalogue) -> None:
    """Each file of docs/runbooks belongs to an alert of the spec's rules or of the catalogue."""
    committed = (ROOT / "alerts" / "generated").rglob("*.yaml")
    files = [path for path in committed if path.parent.name in ("generated", "catalogue")]
    alerts = {name for path in files for name in re.findall(r"alert: (\w+)$", path.read_text("utf-8"), re.MULTILINE)}
    alerts |= {entry.name for entry in catalogue.entries}
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} <= alerts


@pytest.mark.parametrize(
    ("found", "changed", "said"),
    [
        ("severity: page", "severty: page", "did you mean 'severity'?"),
        ("severity: page", "severity: critical", "is none of page, ticket"),
        ("for: 5m", "for: 5", "with its unit"),
        ("team: operations", "team: nobody", "is none of operations"),
        ("exporter: ours", "exporter: statsd", "is none of ours"),
        ("$share\n", "$limit\n", "leaves limit open"),
        ("parameters: {share: 10%}", "parameters: {shares: 10%}", "is no parameter"),
        ("career: {parameters", "careers: {parameters", "careers"),
        ("area: service", "area: business", "says business"),
        ("since: 1m\n        until: 24m", "since: 24m\n        until: 1m", "'until' comes after 'since'"),
        ("silent: 40m", "since: 1m\n        silent: 40m", "exactly one of 'since'"),
        ("    sources:\n", "    why: because\n    sources:\n", "exactly one of them"),
    ],
)
def test_a_wrong_entry_names_its_place_and_mend(tmp_path: Path, found: str, changed: str, said: str) -> None:
    """A typo, a foreign word, a number without its unit: each is an error with file and path."""
    shutil.copytree(ROOT / "alerts" / "catalogue", tmp_path / "catalogue", ignore=shutil.ignore_patterns("*.py"))
    path = tmp_path / "catalogue" / "service.yaml"
    text = path.read_text(encoding="utf-8")
    assert found in text
    path.write_text(text.replace(found, changed, 1), encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load_catalogue(tmp_path / "catalogue")
    assert said in str(caught.value)
    assert "service.yaml" in str(caught.value)


@given(st.decimals(1, 500, places=1), st.decimals(1, 500, places=1))
def test_arithmetic_in_stories_is_exact(left: Decimal, right: Decimal) -> None:
    """What stands between angle brackets is worked out in decimals, and anything but arithmetic is refused."""
    assert worked_out("a * 2 + b", {"a": left, "b": right}) == left * 2 + right
    with pytest.raises(ValueError, match=r"cannot be worked out|no plain arithmetic"):
        worked_out("__import__('os')", {})


@given(st.lists(st.tuples(st.decimals(0, 9, places=2), st.integers(1, 20)), min_size=1, max_size=4))
def test_a_counter_in_a_story_never_goes_back(stretches: list[tuple[Decimal, int]]) -> None:
    """Fractions are written out, for promtool adds them up in floating point, and a hair less is a counter that began anew."""
    words = values(" ".join(f"+{step}x{times}" for step, times in stretches), {}).split()
    counted: list[float] = []
    for word in words:
        start, _, rest = word.partition("+")
        step, _, times = rest.partition("x")
        here = float(start)
        counted.append(here)
        for _ in range(int(times or 0)):
            here += float(step)
            counted.append(here)
    assert counted == sorted(counted)
    assert len(counted) == 1 + sum(times for _, times in stretches)


def test_what_no_story_notices_is_listed_by_name(catalogue: Catalogue, spec: Spec) -> None:
    """Every listed mutant is made, so that the list grows no mould."""
    made = {one.name for entry in catalogue.of(spec.deployment) for one in mutants(entry, spec)}
    assert set(load_unnoticed()) <= made


def test_the_list_of_unnoticed_mutants_is_held_both_ways() -> None:
    """A survivor without a reason is a finding, and so is an entry that is noticed or made no more; other alerts' entries are not asked."""
    listed = {"A: kept": "why", "A: caught": "why", "A: gone": "why", "B: elsewhere": "why"}
    assert surprises(["A: kept", "A: new"], ["A: kept", "A: new", "A: caught"], listed, ["A"]) == [
        "not noticed, and not listed: A: new",
        "listed, but noticed: A: caught",
        "listed, but made no more: A: gone",
    ]


@pytest.mark.integration
@pytest.mark.parametrize("name", ["ErrorRatioHigh", "RedisDown", "RetrievalEmpty"])
def test_a_broken_rule_fails_its_stories(promtool: Path, catalogue: Catalogue, spec: Spec, name: str) -> None:
    """A side of a comparison, a number, a range, a matcher, `for`, a label: no break of these rules goes unnoticed."""
    entry: Entry = catalogue.entry(name).for_deployment(spec.deployment)
    assert len(list(mutants(entry, spec))) >= 6
    assert survivors(entry, spec, promtool) == []


@pytest.mark.integration
@pytest.mark.parametrize("deployment", [name for name in DEPLOYMENTS if name != "courtsight"])
def test_other_deployments_numbers_are_proven_by_the_same_stories(
    promtool: Path, catalogue: Catalogue, spec: Spec, deployment: str, tmp_path: Path
) -> None:
    """What a deployment sets otherwise fires and keeps silent by its own numbers; courtsight's files are run by `make check`."""
    changed = [one for one in catalogue.of(deployment) if one != catalogue.entry(one.name)]
    assert changed
    here = replace(spec, deployment=deployment, service=deployment, selector=(("job", deployment),))
    rules = [yaml.safe_load(rules_yaml(one)) for one in catalogue_rules(catalogue, here).values()]
    names = {one.name for one in changed}
    whole = {  # promtool evaluates all rules that there are at every step
        "groups": [
            {**group, "rules": [rule for rule in group["rules"] if rule.get("alert") in names]}
            for one in rules
            for group in one["groups"]
        ]
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    (tmp_path / "tests.yaml").write_bytes(story_tests(changed, here, "rules.yaml"))
    done = subprocess.run(
        [promtool, "test", "rules", "tests.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
