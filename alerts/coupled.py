"""Traffic for components that read the same series: each of them has to see the error ratio that it is meant to have.

What one component counts as bad the others must count as bad too, or not at all; what is good likewise. Labels for that are found by
trying. Where two components can never fail at once, as of `4..` and `5..`, some of them stay good, and the composite reaches no further
than the weight of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations, islice, product

from alerts.selectors import Selector, UnprovenError, all_labels, selector_of
from alerts.traffic import EVENTS_PER_MINUTE, Counter, Gauge, NativeHistogram, Rate, Source, Stretch, healthy
from slo import names
from slo.quantities import format_number
from slo.sli import matchers
from slo.spec import Cell, cell

INFINITE = "+Inf"
MOST_KINDS = 12
"""Ways to make up the traffic of one component, no two of which look the same to the others."""
MOST_TRIED = 4000
MOST_LEAVES = 8
"""Components of which every choice may be tried that stays good."""
_Role = str
BAD, GOOD, BOTH, STEADY = "bad", "good", "both", "steady"
"""What a counter counts: bad events, good ones, all of them; steady is one of a component that never fails."""
_ROLES = {BAD: True, GOOD: False, BOTH: None, STEADY: None}
REACH = 3
"""Times as far from the limit as a good value lies a bad one, as for a gauge that is looked at alone."""


@dataclass(frozen=True, slots=True)
class Eye:
    """How much of what a selector takes counts as bad events, and how much as valid ones."""

    takes: Selector
    bad: int
    valid: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A component that is no composite itself.

    Attributes:
        weight: Its part of the whole, of any sum.
        valid: What it counts as valid; None where it counts no events.
        part: What it counts as bad, or as good.
        threshold: Of a classic histogram, in seconds; its `part` is the bucket there.
        own: What it is told with while nobody else looks.
        reads: What its rules select.
        limit: Where the value of its gauge, as the series has it, is bad from; None for a mean.
    """

    id: str
    weight: Decimal
    valid: Selector | None
    part: Selector | None
    part_is_bad: bool
    threshold: Decimal | None
    own: tuple[Source, ...]
    reads: tuple[Selector, ...]
    limit: Decimal | None = None

    @property
    def eyes(self) -> tuple[Eye, ...]:
        """What it counts, as a sum."""
        if self.valid is None or self.part is None:
            return ()
        if self.part_is_bad:
            return (Eye(self.valid, 0, 1), Eye(self.part, 1, 0))
        return (Eye(self.valid, 1, 1), Eye(self.part, -1, 0))

    @property
    def counts_errors(self) -> bool:
        """Whether it takes much growth for bad, far less than that of made-up errors: those of others will do."""
        own = self.own[0]
        return isinstance(own, Rate) and own.well < own.ill < EVENTS_PER_MINUTE / 4

    def sees(self, series: str) -> bool:
        """Whether its rules read a series."""
        metric, labels = _named(series)
        return any(selector.takes(metric, labels) for selector in self.reads)


@dataclass(frozen=True, slots=True)
class Coupling:
    """What several components are told with together.

    Attributes:
        owned: Sources by the component that brought them, each series once.
        fails: Which of the components have errors at all.
    """

    leaves: tuple[Leaf, ...]
    owned: tuple[tuple[Source, ...], ...]
    fails: tuple[bool, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """All of them."""
        return tuple(source for sources in self.owned for source in sources)

    @property
    def reach(self) -> Decimal:
        """The highest error ratio of the whole."""
        if all(self.fails):
            return Decimal(1)
        failing = (leaf.weight for leaf, fails in zip(self.leaves, self.fails, strict=True) if fails)
        return sum(failing, Decimal(0)) / sum(leaf.weight for leaf in self.leaves)

    @property
    def awake(self) -> bool:
        """Whether one of them calls it good that nothing happens: it looks at how few errors of others there are."""
        grown = [leaf for leaf in self.leaves if isinstance(leaf.own[0], Rate)]
        rates = [source for source in self.sources if isinstance(source, Rate)]
        return any(not any(leaf.sees(source.series) for source in rates) for leaf in grown)

    def told(self, stretches: Sequence[Stretch]) -> Iterator[tuple[Source, tuple[Stretch, ...]]]:
        """Every source with traffic of its own: what the first component brought has all errors, the rest one half of them."""
        less = tuple(replace(one, error_ratio=one.error_ratio / 2) for one in stretches)
        for number, sources in enumerate(self.owned):
            yield from ((source, less if number else tuple(stretches)) for source in sources)

    def seen(self, number: int, stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
        """The traffic that a component sees of it."""
        leaf, told = self.leaves[number], tuple(self.told(stretches))
        mine = [(source, own) for source, own in told if leaf.sees(source.series)]
        if not self.fails[number]:
            return healthy(stretches)
        if not leaf.eyes:
            source, own = mine[0]
            steep = isinstance(source, Gauge) and source.steep and leaf.limit is None
            return tuple(replace(one, error_ratio=Decimal(one.error_ratio > 0)) for one in own) if steep else own
        ways = [(_way(leaf, source), own) for source, own in mine]
        return tuple(_summed(each, [(way, own[at]) for way, own in ways]) for at, each in enumerate(stretches))


@dataclass(frozen=True, slots=True)
class _Way:
    """What a component sees of a source: as bad and as valid, of its bad events and of its good ones."""

    bad_of_bad: int
    bad_of_good: int
    valid_of_bad: int
    valid_of_good: int


def _summed(whole: Stretch, parts: Iterable[tuple[_Way, Stretch]]) -> Stretch:
    bad = valid = 0
    for way, stretch in parts:
        ill, well = stretch.bad, stretch.valid - stretch.bad
        bad += way.bad_of_bad * ill + way.bad_of_good * well
        valid += way.valid_of_bad * ill + way.valid_of_good * well
    return replace(whole, error_ratio=Decimal(bad) / valid, events=valid) if valid else whole


def _way(leaf: Leaf, source: Source) -> _Way:
    if isinstance(source, NativeHistogram):
        return _Way(1, 0, 1, 1)
    metric, labels = _named(source.series)
    found = [eye for eye in leaf.eyes if eye.takes.takes(metric, labels)]
    bad, valid = sum(eye.bad for eye in found), sum(eye.valid for eye in found)
    # What grows for another component's sake is good or bad as it is, and no share of it anything else.
    of_bad, of_good = (int(source.bad is not False), int(not source.bad)) if isinstance(source, Counter) else (1, 1)
    return _Way(bad * of_bad, bad * of_good, valid * of_bad, valid * of_good)


def joined(leaves: Sequence[Leaf], group: Mapping[str, str]) -> Coupling:
    """Traffic for these components at once, of which as many fail as can.

    Raises:
        UnprovenError: There is none in which all of them are good, and some can fail.
    """
    for fails in _choices(leaves):
        values = _values(leaves, fails)
        if values is None:
            continue
        kinds = [_kinds(leaf, leaves, group, values[number], fails=fails[number]) for number, leaf in enumerate(leaves)]
        for choice in islice(product(*kinds), MOST_TRIED):
            owned = _once(choice)
            if owned is not None and _consistent(leaves, owned, fails):
                return Coupling(tuple(leaves), owned, fails)
    raise UnprovenError(
        f"its components {', '.join(leaf.id for leaf in leaves)} read the same series, and no traffic was found in which "
        "all of them are good and some can fail: where what is good to one is bad to another the composite never is good; "
        "take one of them out"
    )


def _choices(leaves: Sequence[Leaf]) -> Iterator[tuple[bool, ...]]:
    """Which components fail: all of them, else those that weigh most."""
    every = range(len(leaves))
    sizes = every if len(leaves) <= MOST_LEAVES else (0, len(leaves) - 1)
    spared = [set(some) for size in sizes for some in combinations(every, size)]
    for some in sorted(spared, key=lambda some: sum((leaves[number].weight for number in some), Decimal(0))):
        yield tuple(number not in some for number in every)


def _kinds(
    leaf: Leaf, leaves: Sequence[Leaf], group: Mapping[str, str], value: Source, *, fails: bool
) -> tuple[tuple[Source, ...], ...]:
    """Ways to make up its traffic, of what counts no events by this value; that others bring all of it is the last one."""
    others = tuple(dict.fromkeys(one for other in leaves for one in (*other.reads, *(eye.takes for eye in other.eyes))))
    if leaf.valid is None or leaf.part is None:
        named = [_written(one.metric, labels) for one in leaf.reads for labels in _Asked(group, others, ()).labels(one)]
        series = dict.fromkeys((leaf.own[0].series, *named)) if isinstance(value, Rate) else (leaf.own[0].series,)
        kinds = tuple((replace(value, series=one),) for one in series)
        return (*kinds, ()) if fails and leaf.counts_errors else kinds
    edges = _edges(leaf.valid.metric, leaves)
    asked = _Asked(group, others, edges)
    if leaf.threshold is not None:
        found = _kinds_of_histogram(leaf.valid, asked, fails=fails)
    elif leaf.valid.metric == leaf.part.metric:
        found = _kinds_of_counter(leaf.valid, leaf.part, asked, part_is_bad=leaf.part_is_bad, fails=fails)
    else:
        found = _kinds_of_two(leaf.valid, leaf.part, asked, part_is_bad=leaf.part_is_bad, fails=fails)
    return (*found, ())


@dataclass(frozen=True, slots=True)
class _Asked:
    """What made-up labels have to respect: those of the group, what the others select, and the edges of buckets."""

    group: Mapping[str, str]
    others: tuple[Selector, ...]
    edges: tuple[str, ...]

    def labels(self, *takes: Selector, refuses: tuple[Selector, ...] = ()) -> list[dict[str, str]]:
        """Labels that look different to the other components, those first that fewest of them see."""
        metric = takes[0].metric
        asked = [selector for selector in self.others if _base(selector.metric) == _base(metric)]
        guessed = [
            Selector(one.metric, tuple(each for each in one.matchers if each.label != names.LE)) for one in asked
        ]
        found: dict[tuple[bool, ...], dict[str, str]] = {}
        for labels in all_labels(takes, refuses, self.group, guessed):
            found.setdefault(tuple(one.takes(one.metric, labels) for one in guessed), labels)
        return [found[seen] for seen in islice(sorted(found, key=sum), MOST_KINDS)]

    def counter(self, metric: str, labels: Mapping[str, str], role: _Role) -> tuple[Source, ...]:
        """A counter; of a histogram its buckets too, which bad events never reach."""
        name = metric.removesuffix(names.COUNT) + names.BUCKET
        whole = Counter(_written(metric, labels), _ROLES[role])
        if not self.edges:
            return (whole,)
        under = Counter("", None if role == STEADY else False)
        edges = [replace(under, series=_written(name, {**labels, names.LE: edge})) for edge in self.edges]
        last = replace(whole, series=_written(name, {**labels, names.LE: INFINITE}))
        return (whole, *(edges if role != BAD else ()), last)


def _kinds_of_histogram(valid: Selector, asked: _Asked, *, fails: bool) -> list[tuple[Source, ...]]:
    """Fast and slow events under the same labels, or under labels of their own."""
    either = asked.labels(valid)
    found = [asked.counter(valid.metric, labels, BOTH if fails else STEADY) for labels in either]
    pairs = ((ill, well) for ill, well in product(either, either) if fails and ill != well)
    apart = [(*asked.counter(valid.metric, ill, BAD), *asked.counter(valid.metric, well, GOOD)) for ill, well in pairs]
    return found + apart


def _kinds_of_counter(
    valid: Selector, part: Selector, asked: _Asked, *, part_is_bad: bool, fails: bool
) -> list[tuple[Source, ...]]:
    """Bad and good events of one metric."""
    inside, outside = asked.labels(valid, part), asked.labels(valid, refuses=(part,))
    ill, well = (inside, outside) if part_is_bad else (outside, inside)
    if not fails:
        return [asked.counter(valid.metric, labels, STEADY) for labels in well]
    return [
        (*asked.counter(valid.metric, bad, BAD), *asked.counter(valid.metric, good, GOOD))
        for bad, good in product(ill, well)
    ]


def _kinds_of_two(
    valid: Selector, part: Selector, asked: _Asked, *, part_is_bad: bool, fails: bool
) -> list[tuple[Source, ...]]:
    """Every event in one metric, and the bad or the good ones in another."""
    whole = [asked.counter(valid.metric, labels, BOTH if fails else STEADY) for labels in asked.labels(valid)]
    role = STEADY if not fails else BAD if part_is_bad else GOOD
    named = [Counter(_written(part.metric, labels), _ROLES[role]) for labels in asked.labels(part)]
    if not fails and part_is_bad:
        return whole
    # Others may bring either of the two, in kinds of their own.
    return [*((*every, one) for every, one in product(whole, named)), *((one,) for one in named), *whole]


def _base(metric: str) -> str:
    return metric.removesuffix(names.BUCKET).removesuffix(names.COUNT)


def _edges(count: str, leaves: Sequence[Leaf]) -> tuple[str, ...]:
    """Edges of the buckets that a histogram needs, as they are written, if it is one that somebody reads the buckets of."""
    bucket = count.removesuffix(names.COUNT) + names.BUCKET
    if not count.endswith(names.COUNT):
        return ()
    asked = [selector for leaf in leaves for selector in leaf.reads if selector.metric == bucket]
    told = {
        one.value: None
        for selector in asked
        for one in selector.matchers
        if (one.label, one.operator) == (names.LE, "=")
    }
    mine = (
        leaf for leaf in leaves if leaf.threshold is not None and leaf.valid is not None and leaf.valid.metric == count
    )
    for leaf in mine:
        edge = format_number(leaf.threshold or Decimal(0))
        if edge not in told:
            # The client of the service writes edges as floats: le="4.0".
            told[edge if "." in edge else f"{edge}.0"] = None
    return tuple(told)


def _once(owned: tuple[tuple[Source, ...], ...]) -> tuple[tuple[Source, ...], ...] | None:
    """Each series once, of who brings it first; None where two would have it different."""
    found: dict[str, Source] = {}
    kept: list[tuple[Source, ...]] = []
    for sources in owned:
        kept.append(tuple(source for source in sources if source.series not in found))
        for source in sources:
            if found.setdefault(source.series, source) != source:
                return None
    return tuple(kept)


def _consistent(leaves: Sequence[Leaf], owned: tuple[tuple[Source, ...], ...], fails: tuple[bool, ...]) -> bool:
    """Whether each component that shall fail sees just the error ratio that is told, and every other one none."""
    sources = [source for each in owned for source in each]
    for leaf, bad in zip(leaves, fails, strict=True):
        if not leaf.eyes:
            mine = [one for one in sources if leaf.sees(one.series)]
            alike = all(type(one) is type(leaf.own[0]) for one in mine)
            errors = leaf.counts_errors and bad and all(isinstance(one, Counter) and one.bad for one in mine)
            if not mine or not (alike or errors):
                return False
            continue
        ways = [_way(leaf, source) for source in sources if leaf.sees(source.series)]
        good_is_bad, bad_is_bad = sum(way.bad_of_good for way in ways), sum(way.bad_of_bad for way in ways)
        of_good, of_bad = sum(way.valid_of_good for way in ways), sum(way.valid_of_bad for way in ways)
        wanted = of_good if bad else 0
        if good_is_bad or not of_good or not of_bad or bad_is_bad != wanted or (bad and of_bad != of_good):
            return False
    return True


def _values(leaves: Sequence[Leaf], fails: tuple[bool, ...]) -> tuple[Source, ...] | None:
    """What each component is told with; those that count no events and share their series with one that all of them take for good, and for bad.

    None where there is no such.
    """
    found: list[Source] = []
    for leaf, bad in zip(leaves, fails, strict=True):
        near = [other for other, one in enumerate(leaves) if not one.eyes and _meet(leaf, one)]
        parts = [(leaves[other].own[0], leaves[other].limit, fails[other]) for other in near]
        one: Source | None = leaf.own[0]
        if not leaf.eyes and (len(near) > 1 or not bad):
            one = _native(parts) if isinstance(one, NativeHistogram) else _valued(parts)
        if one is None:
            return None
        found.append(one)
    return tuple(found)


def _meet(one: Leaf, other: Leaf) -> bool:
    return any(one.sees(source.series) for source in other.own) or any(other.sees(source.series) for source in one.own)


_Part = tuple[Source, Decimal | None, bool]


def _native(parts: Iterable[_Part]) -> NativeHistogram | None:
    edges = [source.edge for source, _, _ in parts if isinstance(source, NativeHistogram)]
    if not all(fails for _, _, fails in parts):
        return None
    return NativeHistogram("", min(edges), max(edges) - min(edges))


def _valued(parts: Sequence[_Part]) -> Gauge | Rate | None:
    """A gauge, or a growth, that is good to all of them, and bad to those that fail."""
    sources = [(source, limit, fails) for source, limit, fails in parts if isinstance(source, Gauge | Rate)]
    taken = [(source, limit) for source, limit, _ in sources]
    failing = [(source, limit) for source, limit, fails in sources if fails]
    if len({type(source) for source, _, _ in parts}) > 1:
        return None
    if not failing:
        steady = (source for source, _, _ in sources if all(_good(source.well, *other) for other in taken))
        kept = next(steady, None)
        return kept if kept is None else replace(kept, ill=kept.well)
    up = failing[0][0].ill > failing[0][0].well
    worst, best = (max, min) if up else (min, max)
    means = [source for source, limit in failing if limit is None]
    well = means[0].well if means else best(source.well for source, _ in failing)
    ill = means[0].ill if means else worst(limit + REACH * (limit - well) for _, limit in failing if limit is not None)
    first = failing[0][0]
    if isinstance(first, Rate):
        ill = max(ill, Decimal(0))
    fine = all(_good(well, *other) for other in taken)
    spared = all(fails or _good(ill, source, limit) for source, limit, fails in sources)
    if (
        not fine
        or not spared
        or not all((source.ill > source.well) is up and _bad(ill, well, source, limit) for source, limit in failing)
    ):
        return None
    if isinstance(first, Rate):
        return replace(first, well=well, ill=ill, lead=max(one.lead for one, _ in failing if isinstance(one, Rate)))
    gauges = [one for one, _ in failing if isinstance(one, Gauge)]
    return replace(
        first, well=well, ill=ill, steep=any(one.steep for one in gauges), early=any(one.early for one in gauges)
    )


def _good(value: Decimal, source: Gauge | Rate, limit: Decimal | None) -> bool:
    """Whether a component takes a value for good; what goes on by itself has to be half as far from its limit as it would be told with."""
    if limit is None:
        return value == source.well
    far = limit - source.well
    moves = isinstance(source, Rate) or source.rising
    return (limit - value) * (1 if far > 0 else -1) >= (abs(far) / 2 if moves else 0)


def _bad(value: Decimal, well: Decimal, source: Gauge | Rate, limit: Decimal | None) -> bool:
    """Whether it takes it for bad, also where a mean holds a good value beside it."""
    if limit is None:
        return value == source.ill
    # A slice of growth lies in a fault, or outside; a mean of a gauge holds the value at its beginning too.
    far = isinstance(source, Rate) or abs(value - limit) > abs(limit - well)
    return far and value != limit and (value > limit) is (source.ill > source.well)


def _named(series: str) -> tuple[str, dict[str, str]]:
    found = selector_of(series)
    return found.metric, {matcher.label: matcher.value for matcher in found.matchers}


def _written(metric: str, labels: Mapping[str, str]) -> str:
    shown: Cell = cell(dict(labels))
    return metric + matchers(shown)
