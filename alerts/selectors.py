"""Counters behind the PromQL of a spec: which series a selector takes, and labels that its conditions let through.

Traffic can be made up for what these functions read: selectors, increases and their sums, means over time, a quotient of two counters,
one minus either. Whatever else people write is named as not proven, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, product

from slo.promql import WINDOW, Matcher, PromQLError, read_expression
from slo.quantities import plain_number

OTHER = "other"
"""A value that conditions of exclusion let through."""
MOST_GUESSES = 4096
COUNTING = frozenset({"sum", "increase", "rate"})
"""Functions through which a counter's growth can be followed."""
PASSING = frozenset({"max", "min", "avg", "max_over_time", "min_over_time", "avg_over_time", "last_over_time"})
"""Functions that yield the value of a gauge that does not change."""
GROWTH = frozenset({"increase", "rate"})
GROWING = GROWTH | {"sum", "max", "min", "avg"}
"""Functions that yield the growth of a counter that stands alone."""
NOW = "time()"
_CALL = re.compile(
    r"(?P<name>[a-z_]+)\s*(?:(?:by|without)\s*\([^()]*\)\s*)?\((?P<inside>.*)\)\s*(?:(?:by|without)\s*\([^()]*\))?",
    re.DOTALL,
)


class UnprovenError(Exception):
    """Traffic cannot be made up for an SLI; the message says why, in the words of a table."""


@dataclass(frozen=True, slots=True)
class Selector:
    """One metric and the conditions on its labels."""

    metric: str
    matchers: tuple[Matcher, ...]

    def takes(self, metric: str, labels: Mapping[str, str]) -> bool:
        """Whether a series is among those selected."""
        return metric == self.metric and all(_lets(matcher, labels.get(matcher.label, "")) for matcher in self.matchers)


def selector_of(text: str) -> Selector:
    """The selector that stands in a spec.

    Raises:
        UnprovenError: It is an expression, or names no single metric.
    """
    try:
        found = read_expression(text)
    except PromQLError as error:
        raise UnprovenError(f"{text!r} {error}") from None
    if not found.selector or len(found.metrics) != 1:
        raise UnprovenError(f"no single counter stands in {_short(text)}")
    matchers = tuple(matcher for matcher in found.matchers if matcher.label != "__name__")
    return Selector(found.metrics[0], matchers)


def read_by(text: str) -> tuple[Selector, ...]:
    """What an expression may read, rather too much than too little: its metrics, with conditions only where there is but one."""
    try:
        found = read_expression(text)
    except PromQLError:
        return ()
    if len(found.metrics) == 1 and not found.selector:
        try:
            return (selector_of(_without_window(_peeled(text)[1])),)
        except UnprovenError:
            return (Selector(found.metrics[0], ()),)
    only = found.matchers if found.selector else ()
    return tuple(Selector(metric, only) for metric in found.metrics)


def counter_in(text: str) -> Selector:
    """The counter whose growth an expression sums: a selector, or `sum(increase(…[$window]))`.

    Raises:
        UnprovenError: The expression does more than that.
    """
    if WINDOW not in text:
        return selector_of(text)
    names, inside = _peeled(text)
    if not names <= COUNTING or not names & {"increase", "rate"}:
        raise UnprovenError(f"no traffic can be made up for {_short(text)}")
    return selector_of(_without_window(inside))


def gauge_in(text: str) -> Selector | None:
    """The gauge whose steady value an expression yields, as `max(max_over_time(…[$window]))` does; None where it does more."""
    names, inside = _peeled(text)
    if not names <= PASSING:
        return None
    try:
        return selector_of(_without_window(inside))
    except UnprovenError:
        return None


def rate_in(text: str) -> tuple[Selector, bool, Decimal] | None:
    """The counter whose growth an expression yields, as `sum(rate(…[$window])) * 60` does: whether each second, and how many times over.

    None where it does more, or something else.
    """
    names: set[str] = set()
    times, rest = Decimal(1), text
    while True:
        around, inside = _peeled(rest)
        names |= around
        found = _times(inside)
        if found is None:
            break
        times, rest = times * found[0], found[1]
    if not names <= GROWING or len(names & GROWTH) != 1 or times <= 0:
        return None
    try:
        return selector_of(_without_window(inside)), "rate" in names, times
    except UnprovenError:
        return None


def _times(text: str) -> tuple[Decimal, str] | None:
    """A number and what it multiplies, or one by the number that divides; None for anything else."""
    for operator, places in (("*", (0, 1)), ("/", (1,))):
        parts = _split(text, operator)
        for place in places if parts is not None else ():
            number = plain_number(parts[place].strip()) if parts is not None else None
            if parts is not None and number:
                return (number if operator == "*" else 1 / number), parts[1 - place]
    return None


def clocked(text: str) -> tuple[bool, str] | None:
    """An expression that holds a moment against the present: whether it is its age, `time() - …`, and what the moment is read by.

    None for any other. `… - time()` is the time that is left until then.
    """
    names, inside = _peeled(text)
    parts = _split(inside, "-") if names <= PASSING else None
    for there, moment in ((0, 1), (1, 0)) if parts is not None else ():
        if parts is not None and parts[there].strip() == NOW:
            return there == 0, parts[moment]
    return None


def takes_by(text: str) -> frozenset[str]:
    """The functions that stand around a gauge: `max`, `max_over_time`."""
    return _peeled(text)[0]


def quotient(text: str) -> tuple[str, str] | None:
    """Dividend and divisor of an expression that is one division; None for any other."""
    return _split(_bare(text), "/")


def complement(text: str) -> str | None:
    """What is taken from one in `1 - …`; None where the expression is no such difference."""
    parts = _split(_bare(text), "-")
    return parts[1] if parts is not None and parts[0].strip() == "1" else None


def labels_for(
    takes: Iterable[Selector], refuses: Iterable[Selector] = (), fixed: Mapping[str, str] | None = None, pick: int = 0
) -> dict[str, str] | None:
    """Labels of a series that all selectors of `takes` select and none of `refuses`; None when guessing finds none.

    Of several series that would do, `pick` takes another one; those that are found first take turns.
    """
    found = list(islice(all_labels(tuple(takes), tuple(refuses), fixed or {}), pick + 1))
    return found[pick % len(found)] if found else None


def all_labels(
    wanted: tuple[Selector, ...],
    unwanted: tuple[Selector, ...],
    fixed: Mapping[str, str],
    others: Iterable[Selector] = (),
) -> Iterator[dict[str, str]]:
    """As `labels_for`, every set of labels that guessing finds; values that `others` ask for are guessed too."""
    matchers = [matcher for selector in (*wanted, *unwanted, *others) for matcher in selector.matchers]
    names = sorted({matcher.label for matcher in matchers} - set(fixed))
    guesses = [_guesses([matcher for matcher in matchers if matcher.label == name]) for name in names]
    for number, values in enumerate(product(*guesses)):
        if number >= MOST_GUESSES:
            return
        labels = {**{name: value for name, value in zip(names, values, strict=True) if value}, **fixed}
        if all(one.takes(one.metric, labels) for one in wanted) and not any(
            one.takes(wanted[0].metric, labels) for one in unwanted
        ):
            yield dict(sorted(labels.items()))


def example(pattern: str) -> Iterator[str]:
    """Values that a pattern takes, one for each alternative where they are simple: `5..` gives 500, `a|b` a and b."""
    for branch in _alternatives(pattern):
        text = re.sub(r"\[([^\]^\\])[^\]]*\]", r"\1", branch)
        text = re.sub(r"\([^()]*\)[?*]", "", text)
        text = re.sub(r"\((?:\?:)?([^()|]*)[^()]*\)", r"\1", text)
        text = re.sub(r"(?<!\\)\.[*?]", "", re.sub(r"(?<!\\)\.\+", OTHER, text))
        text = re.sub(r"(?<!\\)\.", "0", text)
        text = re.sub(r"\\d", "0", text)
        text = re.sub(r"\\+(.)", r"\1", text)
        if _matches(pattern, text):
            yield text


def _alternatives(pattern: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for place, char in enumerate(pattern):
        depth += (char in "([") - (char in ")]")
        if char == "|" and depth == 0:
            parts.append(pattern[start:place])
            start = place + 1
    return [*parts, pattern[start:]]


def _guesses(matchers: list[Matcher]) -> list[str]:
    equal = [matcher.value for matcher in matchers if matcher.operator in ("=", "!=")]
    alike = [value for matcher in matchers if "~" in matcher.operator for value in example(_pattern(matcher))]
    return list(dict.fromkeys([*equal, *alike, OTHER, ""]))


def _lets(matcher: Matcher, value: str) -> bool:
    if matcher.operator in ("=", "!="):
        return (value == matcher.value) == (matcher.operator == "=")
    return _matches(_pattern(matcher), value) == (matcher.operator == "=~")


def _pattern(matcher: Matcher) -> str:
    return matcher.value.replace("\\\\", "\\")


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error as error:
        raise UnprovenError(f"the pattern {pattern!r} cannot be read: {error}") from None


def _peeled(text: str) -> tuple[frozenset[str], str]:
    """The functions around an expression, and what stands inside the innermost."""
    names: set[str] = set()
    text = _bare(text)
    while (call := _CALL.fullmatch(text)) is not None and _closes(call["inside"]):
        names.add(call["name"])
        text = _bare(call["inside"])
    return frozenset(names), text


def _without_window(text: str) -> str:
    return re.sub(r"\s*\[\s*" + re.escape(WINDOW) + r"\s*\]\s*$", "", text)


def _bare(text: str) -> str:
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and _closes(text[1:-1]):
        text = text[1:-1].strip()
    return text


def _closes(text: str) -> bool:
    """Whether each bracket closes inside the text, so that those around it belong together."""
    depth = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


def _split(text: str, operator: str) -> tuple[str, str] | None:
    depth, quote = 0, ""
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'`":
            quote = char
        elif char == operator and depth == 0:
            return text[:place], text[place + 1 :]
        else:
            depth += (char in "([{") - (char in ")]}")
    return None


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
