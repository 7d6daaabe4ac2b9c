"""From the SLOs of a spec as written to the domain's: members of `for_each`, objectives, windows, what stands on their alerts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from slo import names
from slo.findings import Findings, Lost, Path
from slo.indicators import Member, check_composites, doubt_pattern, indicator, of_member, per_second
from slo.promql import WINDOW
from slo.quantities import UNITS, QuantityError, format_duration, format_ratio, parse_duration
from slo.spec import SLI, SLO, Cell, CompositeSLI, EventsSLI, RawSLI, TimeSliceSLI, Window, cell
from slo.wire import DEFAULT, KINDS, MONTH, AlertingWire, SLOWire, SpecWire

DAYS_OF_MONTH = Decimal(30) * UNITS["d"]
"""Seconds with which alerts of a calendar month reckon."""
MOST_MEMBERS = 10_000
"""SLOs that one `for_each` may make."""

RESERVED = frozenset(
    {
        *(names.SLO_ID, names.SLO_SERVICE, names.SLO_NAME, names.SLO_WINDOW, names.SLO_SEVERITY, names.LONG_WINDOW),
        *(names.SHORT_WINDOW, names.BURN_RATE_FACTOR, names.SEVERITY, names.OWNER, names.LE),
        *("alertname", "alertstate", "__name__"),
    }
)
"""Labels that our own rules set."""
_TEMPLATE = re.compile(r"\{\{|\}\}")
_ADDRESS = re.compile(r"https?://[^/:]")
SHORTEST_WINDOW = UNITS["m"]
"""Seconds; under it lie fewer than two scrapes, of which nothing can be counted, and the alert would never fire."""

ChooseWindows = Callable[[str, Decimal, Decimal], tuple[Window, ...]]
"""The pairs of windows of a set (`reachable`, `standard`) for an objective over a period in seconds."""


@dataclass(frozen=True, slots=True)
class _Period:
    seconds: Decimal
    calendar: bool


class Families:
    """Puts the SLOs of one spec together; what is wrong goes to the findings, and the rest goes on."""

    def __init__(self, wire: SpecWire, choose: ChooseWindows, lost: Lost, findings: Findings) -> None:
        self._wire = wire
        self._lost = lost
        self._choose = choose
        self._findings = findings
        self._period = self._read_period(wire.window, ("window",))
        self._selector = cell(wire.selector)

    @property
    def window(self) -> Decimal:
        """The spec's own SLO window in seconds; 30 days where it cannot be read."""
        return DAYS_OF_MONTH if self._period is None else self._period.seconds

    def slos(self) -> tuple[SLO, ...]:
        """Every SLO that can be made."""
        broken = self._lost.names("slos")
        self._check_whole()
        made: list[SLO] = []
        known: dict[str, tuple[str, ...]] = {name: (name,) for name in broken}
        unsure: set[str] = {f"{name}-" for name in broken - set(self._wire.slos)}
        for name, entry in self._wire.slos.items():
            members = self._family(name, entry, maimed=name in broken)
            known[name] = tuple(slo_id for slo_id, _ in members) or (name,)
            unsure |= set() if members else {f"{name}-"}
            made += [slo for _, slo in members if slo is not None and name not in broken]
        self._check_ids(known)
        composites = [(slo.id, ("slos", slo.name), slo.sli) for slo in made]
        check_composites(composites, known, tuple(unsure), self._findings)
        _check_groups(made, self._findings)
        _check_alerts(made, self._findings)
        return tuple(made)

    def _family(self, name: str, entry: SLOWire, *, maimed: bool) -> list[tuple[str, SLO | None]]:
        """The members' ids, each with its SLO; a family that the wire maimed is looked at for what else is wrong."""
        path = ("slos", name)
        kinds = entry.kinds()
        if len(kinds) != 1 and not maimed:
            given = f"has {', '.join(kinds)}" if kinds else "has none"
            self._findings.wrong(
                path, f"needs exactly one of {', '.join(KINDS)}; it {given}", "say what is counted, once"
            )
        self._check_texts(entry, path)
        period = self._period if entry.window is None else self._read_period(entry.window, (*path, "window"))
        group_by = self._group_by(entry, path)
        cells = self._cells(entry, path)
        self._check_tags(entry, group_by, path)
        self._check_keys(entry, cells, path)
        members: list[tuple[str, SLO | None]] = []
        known: set[str] = set()
        for labels in cells:
            slo_id = "-".join([name, *(value for _, value in self._in_order(entry, labels))])
            slo = (
                None if period is None or len(kinds) != 1 else self._slo(name, slo_id, entry, labels, period, group_by)
            )
            if slo_id in known:
                said = f"makes the id {slo_id!r} twice, of values that hold hyphens"
                self._findings.wrong((*path, "for_each"), said, "change one of the values, or the order of the labels")
            known.add(slo_id)
            members.append((slo_id, slo))
        return members

    def _in_order(self, entry: SLOWire, labels: Cell) -> Cell:
        """Labels in the order of `for_each`, which is that of the id."""
        order = _listed(entry.for_each)
        return tuple(sorted(labels, key=lambda pair: order.index(pair[0])))

    def _slo(
        self, name: str, slo_id: str, entry: SLOWire, labels: Cell, period: _Period, group_by: tuple[str, ...]
    ) -> SLO | None:
        path = ("slos", name)
        bare = Member(path, labels, self._selector, ())
        objective = of_member(entry.objective, (*path, "objective"), "objective", bare, self._findings)
        if objective is None:
            return None
        if not 0 < objective < 1:
            said = "must lie between 0% and 100%, without both: 100% leaves no error budget, 0% asks for nothing"
            self._findings.wrong((*path, "objective"), said, "write one such as 99.9%")
            return None
        windows = self._windows(entry, path, objective, period)
        lengths = tuple({length for window in windows for length in (window.long, window.short)})
        sli = indicator(entry, Member(path, labels, self._selector, lengths, group_by), self._findings)
        if sli is None:
            return None
        self._check_counts(entry, sli, path)
        return SLO(
            id=slo_id,
            name=name,
            title=entry.title,
            labels=labels,
            objective=objective,
            window=period.seconds,
            sli=sli,
            service=self._wire.service,
            owner=entry.owner or self._wire.owner,
            selector=self._selector,
            windows=windows,
            group_by=group_by,
            calendar=period.calendar,
            tags=cell(entry.labels),
            own_tags=tuple((severity, cell(labels)) for severity, labels in sorted(entry.labels_by_severity.items())),
            runbook=entry.runbook,
            least_events=entry.least_events,
        )

    # --- windows ---

    def _read_period(self, text: str, path: Path) -> _Period | None:
        if text.strip() == MONTH:
            return _Period(DAYS_OF_MONTH, calendar=True)
        try:
            seconds = parse_duration(text)
        except QuantityError as error:
            self._findings.wrong(path, str(error), f"{error.advice}, or {MONTH} for the calendar month")
            return None
        if seconds < UNITS["h"] or seconds % UNITS["m"]:
            self._findings.wrong(path, f"{text!r} is no SLO window", "write whole minutes from an hour on, such as 30d")
            return None
        return _Period(seconds, calendar=False)

    def _windows(self, entry: SLOWire, path: Path, objective: Decimal, period: _Period) -> tuple[Window, ...]:
        alerting, place = entry.alerting, (*path, "alerting", "windows")
        if alerting is None:
            alerting, place = self._wire.alerting or AlertingWire(), ("alerting", "windows")
        if isinstance(alerting.windows, str):
            windows = self._choose(alerting.windows, objective, period.seconds)
            longest = max((window.long for window in windows), default=period.seconds)
            if longest > period.seconds:
                said = (
                    f"looks back {format_duration(longest)}, past the SLO window of {format_duration(period.seconds)}"
                )
                self._findings.wrong(place, said, "lengthen the SLO window, or take windows: reachable")
            return windows
        own = tuple(
            Window(window.severity, window.budget_share, window.long, window.short, window.for_)
            for window in alerting.windows
        )
        for number, window in enumerate(own):
            self._check_window(window, (*place, str(number)), objective, period)
        pairs = [(window.severity, window.long, window.short) for window in own]
        for number, pair in enumerate(pairs):
            if pair in pairs[:number]:
                self._findings.wrong(
                    (*place, str(number)), "stands twice: same severity and windows", "keep one of them"
                )
        return own

    def _check_window(self, window: Window, path: Path, objective: Decimal, period: _Period) -> None:
        wrong = self._findings.wrong
        longest = format_duration(period.seconds)
        if window.long > period.seconds:
            wrong((*path, "long"), f"is longer than the SLO window of {longest}", "shorten it")
        if window.short >= window.long:
            wrong((*path, "short"), "is not shorter than the long window", "a twelfth of it is usual")
        if window.short < SHORTEST_WINDOW:
            wrong((*path, "short"), "is under a minute: hardly two scrapes lie in it", "make it 1m or longer")
        if window.hold >= window.long:
            wrong((*path, "for"), "is not shorter than the long window", "the workbook holds 2m to 3h")
        if not 0 < window.budget_share < 1:
            wrong((*path, "budget_share"), "must lie between 0% and 100%, without both", "the workbook has 2%, 5%, 10%")
            return
        for key, length in (("long", window.long), ("short", window.short), ("for", window.hold)):
            if length % UNITS["s"]:
                wrong((*path, key), "is no whole number of seconds", "round it")
        budget = 1 - objective
        ratio = window.budget_share * period.seconds / window.long * budget
        if ratio >= 1:
            most = (window.long / (period.seconds * budget)).quantize(Decimal("0.0001"))
            said = f"can never fire at {format_ratio(objective)}: it needs {format_ratio(ratio.quantize(Decimal('0.0001')))} bad events"
            wrong((*path, "budget_share"), said, f"a share under {format_ratio(most)} can; or take windows: reachable")

    # --- labels ---

    def _cells(self, entry: SLOWire, path: Path) -> tuple[Cell, ...]:
        """The members' labels; none when `for_each` cannot be used."""
        if (*path, "for_each") in self._lost.places:
            return ()
        labels = _listed(entry.for_each)
        known = [label for label in labels if label in self._wire.labels]
        for label in labels:
            self._check_for_each(label, (*path, "for_each"))
            if labels.count(label) > 1:
                self._findings.wrong((*path, "for_each"), f"label {label!r} stands twice", "keep one of them")
        if len(known) < len(labels):
            return ()
        values = [tuple(dict.fromkeys(self._wire.labels[label])) for label in dict.fromkeys(known)]
        count = 1
        for entries in values:
            count *= len(entries)
        if count > MOST_MEMBERS:
            self._findings.wrong(
                (*path, "for_each"),
                f"makes {count} SLOs",
                f"at most {MOST_MEMBERS}: use 'group_by' for one of the labels",
            )
            return ()
        return tuple(cell(dict(zip(dict.fromkeys(known), found, strict=True))) for found in product(*values))

    def _check_for_each(self, label: str, place: Path) -> None:
        if self._lost.holds("labels", label):
            return
        if label not in self._wire.labels:
            self._findings.wrong(place, f"label {label!r} is not among 'labels'", _known(self._wire.labels))
        elif is_reserved(label):
            self._findings.wrong(place, f"{label!r} is a label that our rules set", "choose another one")
        elif label in self._wire.selector:
            said = f"{label!r} has one value only: 'selector' says {self._wire.selector[label]!r}"
            self._findings.wrong(place, said, "choose another one, or take it out of 'selector'")
        elif f"${label}" == WINDOW:
            self._findings.wrong(place, f"${label} stands for the range", "rename the label")

    def _group_by(self, entry: SLOWire, path: Path) -> tuple[str, ...]:
        labels, place = _listed(entry.group_by), (*path, "group_by")
        for label in dict.fromkeys(labels):
            if label in _listed(entry.for_each):
                self._findings.wrong(
                    place, f"{label!r} stands in 'for_each' too", "its members have one value each: keep one of both"
                )
            if is_reserved(label):
                self._findings.wrong(place, f"{label!r} is a label that our rules set", "group by another one")
            if label in self._wire.selector:
                said = f"{label!r} has one value only: 'selector' says {self._wire.selector[label]!r}"
                self._findings.wrong(place, said, "group by another one")
            if labels.count(label) > 1:
                self._findings.wrong(place, f"{label!r} stands twice", "keep one of them")
        return tuple(dict.fromkeys(labels))

    def _check_tags(self, entry: SLOWire, group_by: tuple[str, ...], path: Path) -> None:
        own = {*group_by, *_listed(entry.for_each)}
        given: list[tuple[Path, Mapping[str, str]]] = [((*path, "labels"), entry.labels)]
        given += [
            ((*path, "labels_by_severity", str(word)), labels) for word, labels in entry.labels_by_severity.items()
        ]
        for place, label, value in ((place, *pair) for place, labels in given for pair in labels.items()):
            if label in own or is_reserved(label):
                self._findings.wrong((*place, label), "is a label that our rules set", "choose another name")
            if _TEMPLATE.search(value):
                said = "holds {{ or }}, which Prometheus would run"
                self._findings.wrong((*place, label), said, "write it without")

    def _check_keys(self, entry: SLOWire, cells: tuple[Cell, ...], path: Path) -> None:
        """Maps by label value name values that there are."""
        values = {value for labels in cells for _, value in labels} | {DEFAULT}
        if not cells or values == {DEFAULT}:
            return
        maps: list[tuple[Path, object]] = [((*path, "objective"), entry.objective)]
        if entry.latency is not None:
            maps.append(((*path, "latency", "threshold"), entry.latency.threshold))
        for place, given in maps:
            for value in given if isinstance(given, Mapping) else ():
                if value not in values:
                    known = ", ".join(sorted(values - {DEFAULT}))
                    self._findings.wrong((*place, value), f"there is no member {value!r}", f"known: {known}")

    # --- the rest ---

    def _check_whole(self) -> None:
        for label, values in self._wire.labels.items():
            if not values:
                self._findings.wrong(("labels", label), "has no value: for_each over it makes no SLO", "add its values")
            for value in sorted({value for value in values if values.count(value) > 1}):
                self._findings.wrong(("labels", label), f"{value!r} stands twice", "keep one of them")
        if not self._wire.selector and not self._lost.touches("selector"):
            said = "is missing: no alert can say that the service is down, or that nobody scrapes it"
            self._findings.doubtful(("selector",), said, "name the labels of its targets, such as {job: shop}")
        for label, value in self._wire.selector.items():
            doubt_pattern(value, ("selector", label), self._findings)

    def _check_texts(self, entry: SLOWire, path: Path) -> None:
        if _TEMPLATE.search(entry.title):
            self._findings.wrong((*path, "title"), "holds {{ or }}, which Prometheus would run", "write it without")
        if not entry.title.strip():
            self._findings.wrong((*path, "title"), "is blank", "say what people read in alerts")
        if entry.runbook is None:
            return
        place = (*path, "runbook")
        if _TEMPLATE.search(entry.runbook) or not entry.runbook.isprintable() or " " in entry.runbook:
            self._findings.wrong(place, "is neither an address nor a path", "write https://… or docs/runbooks/….md")
        elif ":" in entry.runbook and not _ADDRESS.match(entry.runbook):
            self._findings.wrong(place, "is an address that people cannot open", "write https://…")
        elif "://" not in entry.runbook and (entry.runbook.startswith("/") or ".." in entry.runbook.split("/")):
            self._findings.wrong(place, "leads out of the project", "write a path from its root")

    def _check_counts(self, entry: SLOWire, sli: SLI, path: Path) -> None:
        if entry.least_events and isinstance(sli, (RawSLI, CompositeSLI, TimeSliceSLI)):
            kind = entry.kinds()[0]
            self._findings.wrong((*path, "least_events"), f"{kind} counts no events", "take it away, or count events")
        if entry.least_events and isinstance(sli, EventsSLI) and per_second(sli.valid):
            said = "is held against events per second, which 'valid' counts by rate()"
            self._findings.wrong((*path, "least_events"), said, "write increase() for rate()")

    def _check_ids(self, known: Mapping[str, tuple[str, ...]]) -> None:
        owners: dict[str, str] = {}
        for name, ids in known.items():
            for slo_id in dict.fromkeys(ids):
                if slo_id in owners and owners[slo_id] != name:
                    said = f"its id {slo_id!r} belongs to another SLO too"
                    self._findings.wrong(("slos", name), said, f"rename it or {owners[slo_id]!r}")
                owners.setdefault(slo_id, name)


def _check_groups(slos: list[SLO], findings: Findings) -> None:
    """A composite is grouped as its components are: else their series would not meet."""
    groups = {slo.id: slo.group_by for slo in slos}
    for slo in slos:
        if not isinstance(slo.sli, CompositeSLI):
            continue
        for name, _ in slo.sli.components:
            if set(groups.get(name, slo.group_by)) != set(slo.group_by):
                said = f"is grouped by {', '.join(groups[name]) or 'nothing'}, the composite by {', '.join(slo.group_by) or 'nothing'}"
                findings.wrong(
                    ("slos", slo.name, "composite", "components", name), said, "give both the same 'group_by'"
                )


def _check_alerts(slos: list[SLO], findings: Findings) -> None:
    """Alerts are called after their family: routes, silences and runbooks cannot tell two that are spelled alike without hyphens."""
    called: dict[str, str] = {}
    for name in dict.fromkeys(slo.name for slo in slos if slo.windows):
        stem = names.alert_stem(name)
        if stem in called:
            said = f"its alerts would be called {stem}…, as those of {called[stem]!r} are"
            findings.wrong(("slos", name), said, f"rename it or {called[stem]!r}, by more than a hyphen")
        called.setdefault(stem, name)


def is_reserved(label: str) -> bool:
    """Whether our own rules set the label, or Prometheus does."""
    return label in RESERVED or label.startswith(("__", "sloth_"))


def _listed(given: str | list[str] | None) -> list[str]:
    return [] if given is None else [given] if isinstance(given, str) else given


def _known(labels: Mapping[str, list[str]]) -> str:
    return f"known: {', '.join(labels)}" if labels else "add 'labels' with its values"
