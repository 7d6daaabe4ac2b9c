"""From the wire form of an SLI to the domain's, with everything that can be wrong in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from slo import names
from slo.findings import Findings, Path
from slo.promql import WINDOW, PromQLError, Read, read_expression, with_matchers, without_comments
from slo.quantities import parse_duration, parse_ratio, plain_number
from slo.spec import (
    SLI,
    Cell,
    CompositeSLI,
    Direction,
    EventsSLI,
    LatencySLI,
    RatioSLI,
    RawSLI,
    TimeSliceSLI,
    cell,
)
from slo.wire import (
    DEFAULT,
    CompositeWire,
    EventsWire,
    LatencyWire,
    RatioWire,
    SLOWire,
    TimeSlicesWire,
)

SHORTEST_SLICE = Decimal(30)
"""Seconds; the rules are evaluated as often, and a shorter slice would hold one look."""
_HISTOGRAM_ENDS = (names.BUCKET, names.COUNT, "_sum")
_PLACE = re.compile(r"\$([a-zA-Z_][a-zA-Z0-9_]*)")
_PATTERN = re.compile(r"\.[*+]|\||^\^|\$$")
_PER_SECOND = frozenset({"rate", "irate"})
_MILLISECOND_ENDS = ("_ms", "_millis", "_milliseconds")


@dataclass(frozen=True, slots=True)
class Member:
    """One SLO of a family while it is put together.

    Attributes:
        path: Place of the family in the spec.
        labels: What singles this one out under `for_each`.
        selector: Labels that every series of the service carries.
        windows: Lengths of the windows over which its ratio is recorded, in seconds.
        group_by: Labels whose values are found in the series.
    """

    path: Path
    labels: Cell
    selector: Cell
    windows: tuple[Decimal, ...]
    group_by: tuple[str, ...] = ()


def indicator(entry: SLOWire, member: Member, findings: Findings) -> SLI | None:
    """The SLI of an SLO, or None when it cannot be made; what is wrong stands in the findings."""
    (kind,) = entry.kinds()
    path = (*member.path, kind)
    if entry.ratio is not None:
        return _ratio(entry.ratio, path, member, findings)
    if entry.latency is not None:
        return _latency(entry.latency, path, member, findings)
    if entry.events is not None:
        return _events(entry.events, path, member, findings)
    if entry.raw is not None:
        ratio = _expression(entry.raw.error_ratio, (*path, "error_ratio"), member, findings)
        return None if ratio is None else RawSLI(ratio)
    if entry.time_slices is not None:
        return _time_slices(entry.time_slices, path, member, findings)
    return _composite(entry.composite, path, member, findings)


def chosen(table: Mapping[str, Decimal], labels: Cell) -> tuple[str, ...]:
    """The keys of a map by label value that speak of these labels; `default` where no other does."""
    found = tuple(value for _, value in labels if value in table)
    return found or ((DEFAULT,) if DEFAULT in table else ())


def _ratio(wire: RatioWire, path: Path, member: Member, findings: Findings) -> RatioSLI:
    for value in sorted(set(wire.good) & set(wire.bad)):
        findings.wrong(path, f"{value!r} cannot be good and bad", "take it out of one of both lists")
    for side in ("good", "bad"):
        values: list[str] = getattr(wire, side)
        for value in sorted({value for value in values if values.count(value) > 1}):
            findings.wrong((*path, side), f"{value!r} stands twice", "keep one of them")
    for good, bad in _overlaps(wire.good, wire.bad):
        said = f"{good!r} and {bad!r} take the same values: a dot stands for any character"
        findings.wrong((*path, "good"), said, "write them so that a value is good or bad, not both")
    _check_label(wire, path, member, findings)
    _counter(wire.metric, (*path, "metric"), findings)
    where = _where(wire.where, path, member, findings)
    return RatioSLI(wire.metric, wire.label, tuple(wire.good), tuple(wire.bad), where)


def _check_label(wire: RatioWire, path: Path, member: Member, findings: Findings) -> None:
    """The label that tells good from bad has to differ from series to series, and in nothing but that."""
    place, label, selector = (*path, "label"), wire.label, dict(member.selector)
    if label in wire.where:
        findings.wrong((*path, "where", label), "is the label that tells good from bad", "take it out of 'where'")
    if label in dict(member.labels):
        findings.wrong(place, f"{label!r} is the label of 'for_each' too", "tell good from bad by another one")
    if label in selector:
        said = f"{label!r} has one value only: the spec's 'selector' says {selector[label]!r}"
        findings.wrong(place, said, "tell good from bad by another one")
    if label in member.group_by:
        said = f"{label!r} tells good from bad: each of its values would be all good or all bad"
        findings.wrong((*member.path, "group_by"), said, "group by another one")
    if label == names.LE:
        findings.wrong(place, "'le' belongs to buckets", "use 'latency' for a histogram")
    if label.startswith("__"):
        findings.wrong(place, "is a label of Prometheus itself", "name a label of the series")


def _overlaps(good: Sequence[str], bad: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of different patterns that some value fits both of; a dot is the only sign with a meaning of its own."""

    def fit(one: str, other: str) -> bool:
        return len(one) == len(other) and all(a == b or "." in (a, b) for a, b in zip(one, other, strict=True))

    return [
        (one, other) for one in dict.fromkeys(good) for other in dict.fromkeys(bad) if one != other and fit(one, other)
    ]


def _latency(wire: LatencyWire, path: Path, member: Member, findings: Findings) -> LatencySLI | None:
    ending = next((end for end in _HISTOGRAM_ENDS if wire.metric.endswith(end)), None)
    if ending is not None:
        advice = f"write {wire.metric.removesuffix(ending)}"
        said = "a native histogram has no" if wire.native else "the histogram's name stands without"
        findings.wrong((*path, "metric"), f"{said} {ending}", advice)
    elif wire.metric.endswith("_total"):
        findings.wrong(
            (*path, "metric"), f"{wire.metric} is a counter by its name", "use 'ratio' or 'events' for counters"
        )
    elif wire.metric.endswith(_MILLISECOND_ENDS):
        advice = "have it measured in seconds, or use 'events' with its bucket"
        findings.wrong((*path, "metric"), "counts milliseconds by its name, and thresholds are seconds", advice)
    elif not wire.metric.endswith("_seconds"):
        findings.doubtful(
            (*path, "metric"), "does not say that it counts seconds", "look whether it does: thresholds are seconds"
        )
    if names.LE in wire.where:
        findings.wrong((*path, "where", names.LE), "is the threshold's own label", "take it out of 'where'")
    where = _where(wire.where, path, member, findings)
    threshold = of_member(wire.threshold, (*path, "threshold"), "threshold", member, findings)
    return None if threshold is None else LatencySLI(wire.metric, threshold, where, wire.native)


def of_member(
    given: Decimal | Mapping[str, Decimal], path: Path, what: str, member: Member, findings: Findings
) -> Decimal | None:
    """One value for this member: the same for all, or out of a map by label value; None when there is none."""
    if isinstance(given, Decimal):
        return given
    keys = chosen(given, member.labels)
    if len(keys) == 1:
        return given[keys[0]]
    here = ", ".join(value for _, value in member.labels) or "an SLO without 'for_each'"
    if keys:
        findings.wrong(path, f"has {len(keys)} values for one member", "name values of one label only")
    elif member.labels:
        findings.wrong(path, f"has no {what} for {here!r}", f"add it, or a {DEFAULT!r}")
    else:
        findings.wrong(path, f"has one {what} by label value, and there is no 'for_each'", "write one value")
    return None


def _where(where: Mapping[str, str], path: Path, member: Member, findings: Findings) -> Cell:
    for label, value in where.items():
        for origin, labels in (("'for_each'", dict(member.labels)), ("the spec's 'selector'", dict(member.selector))):
            if labels.get(label, value) != value:
                said = f"contradicts {origin}, which says {labels[label]!r}"
                findings.wrong((*path, "where", label), said, "take it out: no series can carry both")
        if label.startswith("__"):
            findings.wrong((*path, "where", label), "is a label of Prometheus itself", "name a label of the series")
        doubt_pattern(value, (*path, "where", label), findings)
    return cell({**where, **dict(member.labels)})


def doubt_pattern(value: str, path: Path, findings: Findings) -> None:
    """A value that is written like a pattern is taken as it stands, and then no series may carry it."""
    if _PATTERN.search(value):
        findings.doubtful(
            path, f"{value!r} is compared as it stands, not as a pattern", "write one value; 'events' takes =~"
        )


def _counter(metric: str, path: Path, findings: Findings) -> None:
    if metric.endswith(names.BUCKET):
        findings.wrong(path, f"{metric} holds the buckets of a histogram", "use 'latency' with its name")
    elif not metric.endswith(("_total", names.COUNT)) and ":" not in metric:
        said = f"{metric} is no counter by its name"
        findings.doubtful(path, said, "counters end in _total; increase() over a gauge is nonsense")


def _events(wire: EventsWire, path: Path, member: Member, findings: Findings) -> EventsSLI | None:
    if (wire.bad is None) == (wire.good is None):
        findings.wrong(path, "needs exactly one of 'bad' and 'good'", "keep the one that is counted more surely")
        return None
    valid = _counted(wire.valid, (*path, "valid"), member, findings)
    side = "bad" if wire.bad is not None else "good"
    other = _counted(wire.bad if wire.bad is not None else wire.good or "", (*path, side), member, findings)
    if valid is None or other is None:
        return None
    if valid == other:
        findings.wrong((*path, side), f"is the same as 'valid': every event would be {side}", "narrow it down")
    _check_units(path, {"valid": valid, side: other}, findings)
    return EventsSLI(valid, bad=other) if side == "bad" else EventsSLI(valid, good=other)


def _check_units(path: Path, sides: Mapping[str, str], findings: Findings) -> None:
    """Hold both sides to one unit: events, or events per second, which is how `rate` counts."""
    rated = [side for side, text in sides.items() if per_second(text)]
    for side in rated:
        if len(rated) < len(sides):
            said = "counts events per second by rate(), and the other side counts events"
            findings.wrong((*path, side), said, "write increase() for rate()")
        else:
            findings.doubtful((*path, side), "counts events per second by rate()", "write increase() for rate()")


def per_second(text: str) -> bool:
    """Whether an expression or a selector that was read already counts events per second."""
    return "rate" in text and not _PER_SECOND.isdisjoint(read_expression(text).calls)


def _counted(text: str, path: Path, member: Member, findings: Findings) -> str | None:
    """A counter's selector with the labels of the member, or an expression that counts over the window."""
    text = without_comments(text)
    filled = _filled(text, member)
    read = _read(filled, path, findings)
    if read is None:
        return None
    if read.selector:
        if not _places_known(filled, read, path, member, findings):
            return None
        _counter(read.metrics[0], path, findings)
        present = {matcher.label for matcher in read.matchers}
        more = {**dict(member.selector), **({} if filled != text else dict(member.labels))}
        return with_matchers(filled, cell({name: value for name, value in more.items() if name not in present}))
    return _windowed(text, filled, read, path, member, findings)


def _expression(text: str, path: Path, member: Member, findings: Findings) -> str | None:
    text = without_comments(text)
    filled = _filled(text, member)
    read = _read(filled, path, findings)
    return None if read is None else _windowed(text, filled, read, path, member, findings)


def _windowed(text: str, filled: str, read: Read, path: Path, member: Member, findings: Findings) -> str | None:
    said, advice = _unlike_a_window(text, filled, read, member)
    if said:
        findings.wrong(path, said, advice)
        return None
    return filled if _places_known(filled, read, path, member, findings) else None


def _unlike_a_window(text: str, filled: str, read: Read, member: Member) -> tuple[str, str]:
    """Why an expression cannot be asked over every window, and the mend; two empty texts where it can."""
    if not read.metrics and not any(matcher.label == "__name__" for matcher in read.matchers):
        return "reads no metric: it would say the same for ever", "name the series that it is computed from"
    if not read.windowed:
        name = next(iter(read.metrics), "…")
        metric = f"{name}[{WINDOW}]"
        counts = name.endswith(("_total", *_HISTOGRAM_ENDS))
        example = f"sum(increase({metric}))" if counts else f"max(max_over_time({metric}))"
        return f"looks back over no [{WINDOW}]: it would be the same over every window", f"write it like {example}"
    if read.number:
        return "yields a number, not series", "take scalar() away, or put it into vector()"
    if member.labels and filled == text:
        label = member.labels[0][0]
        return "is the same for every value of 'for_each'", f'put the value in by ${label}: {{{label}="${label}"}}'
    lost = next((label for label in member.group_by if read.kept is not None and label not in read.kept), None)
    if lost is not None:
        said = f"keeps no label {lost!r}, which stands in 'group_by': all groups would be one"
        return said, f"write sum by ({', '.join(member.group_by)}) (…)"
    return "", ""


def _places_known(filled: str, read: Read, path: Path, member: Member, findings: Findings) -> bool:
    """Whether every `$name` was one that a value is put in for; in label_replace() they may be groups of a pattern."""
    strange = [found[0] for found in _PLACE.finditer(filled) if found[0] != WINDOW]
    if not strange or "label_replace" in read.calls:
        return True
    known = ", ".join(f"${label}" for label, _ in member.labels) or "none: the SLO has no 'for_each'"
    findings.wrong(path, f"{strange[0]} stands for nothing", f"known: {known}")
    return False


def _filled(text: str, member: Member) -> str:
    """The text with `$role` and the like replaced by this member's values; whole words only, so that `$w` leaves `$window` alone."""
    values = dict(member.labels)
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), text) if values else text


def _read(text: str, path: Path, findings: Findings) -> Read | None:
    try:
        return read_expression(text)
    except PromQLError as error:
        findings.wrong(path, f"is no PromQL: {error}", error.advice)
        return None


def _time_slices(wire: TimeSlicesWire, path: Path, member: Member, findings: Findings) -> TimeSliceSLI | None:
    given = [kind for kind in ("ratio", "latency", "events", "value") if getattr(wire, kind) is not None]
    if len(given) != 1:
        findings.wrong(
            path, "needs exactly one of 'ratio', 'latency', 'events' and 'value'", "say what is looked at in each slice"
        )
        return None
    shortest = min(member.windows, default=None)
    if wire.slice < SHORTEST_SLICE:
        findings.wrong((*path, "slice"), "is shorter than 30s, in which the rules look once", "make it 30s or longer")
    elif shortest is not None and wire.slice > shortest:
        said = f"is longer than the shortest window, of {int(shortest)} s: no slice would fit into it"
        findings.wrong(
            (*path, "slice"), said, "shorten the slice, or write windows that are no shorter: alerting.windows"
        )
    limit = _slice_limit(wire, given[0], path, findings)
    inner = (*path, given[0])
    of: RatioSLI | LatencySLI | EventsSLI | str | None
    if wire.ratio is not None:
        of = _ratio(wire.ratio, inner, member, findings)
    elif wire.latency is not None:
        of = _latency(wire.latency, inner, member, findings)
    elif wire.events is not None:
        of = _events(wire.events, inner, member, findings)
    else:
        of = _expression(wire.value or "", inner, member, findings)
    if of is None or limit is None:
        return None
    return TimeSliceSLI(wire.slice, of, *limit)


def _slice_limit(wire: TimeSlicesWire, kind: str, path: Path, findings: Findings) -> tuple[Direction, Decimal] | None:
    sides = [side for side in ("at_least", "at_most") if getattr(wire, side) is not None]
    if len(sides) != 1:
        findings.wrong(path, "needs exactly one of 'at_least' and 'at_most'", "say from where on a slice is good")
        return None
    side = (*path, sides[0])
    text = str(getattr(wire, sides[0]))
    if kind != "value" and sides[0] == "at_most":
        findings.wrong(side, "limits the share of good events from above", "write at_least: 99%")
        return None
    limit = _number(text, share=kind != "value", path=side, findings=findings)
    if limit == 0 and kind != "value":
        findings.wrong(side, "asks for nothing: no slice could be bad", "write at_least: 99%")
        return None
    return None if limit is None else (Direction(sides[0]), limit)


def _number(text: str, *, share: bool, path: Path, findings: Findings) -> Decimal | None:
    """A limit: a percent, a duration in seconds, or a plain number."""
    try:
        if share or text.rstrip().endswith("%"):
            return parse_ratio(text)
        plain = plain_number(text)
        return plain if plain is not None else parse_duration(text)
    except ValueError as error:
        findings.wrong(path, str(error), getattr(error, "advice", ""))
        return None


def _composite(wire: CompositeWire | None, path: Path, member: Member, findings: Findings) -> CompositeSLI | None:
    components: list[tuple[str, Decimal]] = []
    for name, amount in (wire.components if wire is not None else {}).items():
        here = (*path, "components", name)
        weight = plain_number(str(amount))
        if weight is None or weight <= 0:
            findings.wrong(here, f"{amount!r} is no weight", "write a number over zero, such as 2 or 0.5")
            continue
        components.append((_filled(name, member), weight))
    if not components:
        return None
    if len(components) == 1:
        findings.doubtful((*path, "components"), "has one component only", "add others, or use that SLO itself")
    return CompositeSLI(tuple(components))


def check_composites(
    found: Sequence[tuple[str, Path, SLI]],
    known: Mapping[str, tuple[str, ...]],
    unsure: tuple[str, ...],
    findings: Findings,
) -> None:
    """Hold composites against each other: their components exist, and none leads back to itself.

    Args:
        found: Id, place and SLI of every SLO that could be made.
        known: Every id, also of those that could not be made, by the name of its family.
        unsure: How ids begin of which nobody knows whether there are such members: something is wrong with their family.
        findings: Takes what is wrong.
    """
    graph = {slo_id: [name for name, _ in sli.components] for slo_id, _, sli in found if isinstance(sli, CompositeSLI)}
    ids = {slo_id for members in known.values() for slo_id in members}
    for slo_id, path, sli in found:
        if not isinstance(sli, CompositeSLI):
            continue
        for name, _ in sli.components:
            here = (*path, "composite", "components", name)
            if name not in ids and name in known:
                findings.wrong(here, f"{name!r} is a family", f"name its members: {', '.join(known[name])}")
            elif name not in ids and not name.startswith(unsure):
                findings.wrong(here, f"there is no SLO {name!r}", f"known: {', '.join(sorted(ids)[:20])}")
        if _leads_to(graph, slo_id):
            findings.wrong((*path, "composite"), f"{slo_id!r} is a component of itself", "break the circle")


def _leads_to(graph: Mapping[str, list[str]], start: str) -> bool:
    seen: set[str] = set()
    waiting = list(graph.get(start, []))
    while waiting:
        name = waiting.pop()
        if name == start:
            return True
        if name not in seen:
            seen.add(name)
            waiting += graph.get(name, [])
    return False
