"""PromQL as people write it into a spec: does it parse, and does it count over `[$window]`?

A recursive-descent reading of Prometheus' grammar, without its types beyond the one that matters here: a function that looks back needs a
range, everything else must not have one. It exists so that a typo is told with its place at once and without Prometheus; with `validate
--strict` promtool has the last word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from slo.promql_words import (
    AGGREGATIONS,
    BINARY,
    COMPARISONS,
    INSTANT_FUNCTIONS,
    MATCHES,
    RANGE_FUNCTIONS,
    RELABELLING,
    SELECTIONS,
)

WINDOW = "$window"
"""Stands in a range, `[$window]`, and becomes each window in turn."""
LONGEST = 10_000
"""Characters of an expression."""
DEEPEST = 50

_TOKEN = re.compile(
    r"""
    (?P<space>[\ \t\r\n]+|\#[^\n]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
  | (?P<range>\[[^\]\[]*\])
  | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![a-zA-Z0-9_]))
  | (?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![a-zA-Z0-9_]))
  | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<operator>=~|!~|!=|==|<=|>=|[-+*/%^<>=@(){},])
    """,
    re.VERBOSE,
)
_SPAN = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")


class PromQLError(ValueError):
    """An expression that does not parse, and what would mend it."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition in braces: `code=~"5.."`."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Read:
    """What an expression holds.

    Attributes:
        metrics: Names of the metrics that it reads, in order, each once.
        matchers: Every condition on labels.
        selector: It is one metric with its conditions and nothing else.
        windowed: `[$window]` stands in it.
        kept: Labels that its outermost aggregations keep; None where some series is not aggregated, or `without` a label only.
    """

    metrics: tuple[str, ...]
    matchers: tuple[Matcher, ...]
    selector: bool
    windowed: bool
    kept: tuple[str, ...] | None


@lru_cache(maxsize=4096)
def read_expression(text: str) -> Read:
    """Read an expression or a selector.

    Raises:
        PromQLError: It does not parse.
    """
    if len(text) > LONGEST:
        raise PromQLError(f"has more than {LONGEST} characters", "record its parts by rules of their own")
    reader = _Reader(_tokens(text))
    ranged = reader.expression(0, 0)
    reader.end()
    if ranged:
        raise PromQLError("ends in a range without a function over it", "wrap it: sum(increase(…[$window]))")
    metrics = tuple(dict.fromkeys(reader.metrics))
    plain = len(reader.metrics) == 1 and not reader.composed and not reader.windowed
    return Read(metrics, tuple(reader.matchers), plain, reader.windowed, reader.kept())


def with_matchers(text: str, labels: tuple[tuple[str, str], ...]) -> str:
    """A selector with more conditions: `x{a="b"}` and `role="judge"` give `x{a="b",role="judge"}`."""
    if not labels:
        return text
    more = ",".join(f'{name}="{value}"' for name, value in labels)
    head, brace, inside = text.strip().partition("{")
    kept = inside.rstrip().removesuffix("}").rstrip().rstrip(",") if brace else ""
    return f"{head}{{{kept},{more}}}" if kept else f"{head}{{{more}}}"


def without_comments(text: str) -> str:
    """The expression without `# …`: what a rule writes behind one would belong to it."""
    if "#" not in text:
        return text
    kept, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        end = place + 1 if match is None else match.end()
        kept.append("" if text[place] == "#" else text[place:end])
        place = end
    return "".join(kept).strip()


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _unreadable(text, place)
        place = match.end()
        if match.lastgroup != "space":
            found.append((str(match.lastgroup), match.group()))
    return found


def _unreadable(text: str, place: int) -> PromQLError:
    char = text[place]
    if char in "\"'`":
        return PromQLError(f"a quote at character {place + 1} is never closed", "close it")
    if char in "[]":
        return PromQLError(f"a bracket {char} at character {place + 1} has no partner", "close it, or take it away")
    if char == "$":
        return PromQLError(f"$ at character {place + 1} stands outside a range", "write [$window]")
    shown = char if char.isprintable() else "?"
    return PromQLError(f"{shown!r} at character {place + 1} is no PromQL", "take it away, or put text in quotes")


class _Reader:
    """Walks over the tokens; `expression` says whether what it read is a range."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0
        self.metrics: list[str] = []
        self.matchers: list[Matcher] = []
        self.windowed = False
        self.composed = False
        self._inside = 0
        self._keeps: list[str] = []
        self._keeps_all = False

    def kept(self) -> tuple[str, ...] | None:
        return None if self._keeps_all else tuple(dict.fromkeys(self._keeps))

    def end(self) -> None:
        if self._place < len(self._tokens):
            word = self._tokens[self._place][1]
            advice = "brackets must close in order" if word in ")}" else "put an operator between, or take it away"
            raise PromQLError(f"{_shown(word)} stands where the expression has ended", advice)

    def expression(self, least: int, depth: int) -> bool:
        if depth > DEEPEST:
            raise PromQLError(f"is nested deeper than {DEEPEST} levels", "record its parts by rules of their own")
        ranged = self._unary(depth)
        while (strength := BINARY.get(self._word(), 0)) > least:
            operator = self._take()
            self.composed = True
            self._modifiers(operator)
            right = self.expression(strength - 1 if operator == "^" else strength, depth + 1)
            if ranged or right:
                raise PromQLError(f"a range stands beside {operator}", "wrap it: increase(…[$window])")
        return ranged

    def _unary(self, depth: int) -> bool:
        signs = 0
        while self._word() in ("+", "-"):
            self._take()
            signs += 1
        self.composed = self.composed or signs > 0
        if signs > DEEPEST:
            raise PromQLError("has too many signs in a row", "take some away")
        return self._tail(self._operand(depth))

    def _tail(self, ranged: bool) -> bool:
        while True:
            kind, word = self._peek()
            if kind == "range":
                ranged = self._range(ranged)
            elif word == "offset":
                self._take()
                self.composed = True
                if self._word() == "-":
                    self._take()
                self._want("duration", "a duration such as 5m after offset")
            elif word == "@":
                self._at()
            else:
                return ranged

    def _range(self, ranged: bool) -> bool:
        inside = self._take()[1:-1].strip()
        span, colon, step = inside.partition(":")
        if ranged:
            raise PromQLError(f"a second range [{_shown(inside)}] follows the first", "keep one of them")
        if span.strip() == WINDOW:
            self.windowed = True
        elif not _SPAN.fullmatch(span.strip()):
            raise PromQLError(f"[{_shown(inside)}] is no range", "write [$window], or a duration such as [5m]")
        if colon and step.strip() and not _SPAN.fullmatch(step.strip()):
            raise PromQLError(f"{_shown(step)} is no step", "write it like [1h:1m]")
        return True

    def _at(self) -> None:
        self._take()
        self.composed = True
        if self._word() in ("start", "end"):
            self._take()
            self._want_word("(", "( after @ start or end")
            self._want_word(")", ") after @ start( or end(")
            return
        self._want("number", "a time in seconds after @")

    def _operand(self, depth: int) -> bool:
        kind, word = self._peek()
        if word == "(":
            self._take()
            self.composed = True
            ranged = self.expression(0, depth + 1)
            self._want_word(")", ") that closes (")
            return ranged
        if kind == "name" and word in AGGREGATIONS and self._after() in ("(", "by", "without"):
            return self._aggregation(depth)
        if kind == "name" and self._after() == "(":
            return self._call(depth)
        if word == "{":
            self._selector("")
            return False
        if kind == "name" and word not in BINARY:
            self._selector(self._take())
            return False
        if kind in ("number", "string"):
            self._take()
            self.composed = True
            return False
        raise self._missing("a metric, a number or a function")

    def _aggregation(self, depth: int) -> bool:
        name = self._take()
        self.composed = True
        before = self._labels_after()
        self._inside += 1
        self._arguments(name, depth, ranges=False)
        self._inside -= 1
        after = self._labels_after()
        if before is not None and after is not None:
            raise PromQLError(f"{name} is grouped twice", "keep one of them")
        word, labels = before or after or ("by", ())
        if not self._inside:
            self._keeps += labels if word == "by" else ()
            self._keeps_all = self._keeps_all or word == "without" or name in SELECTIONS
        return False

    def _labels_after(self) -> tuple[str, tuple[str, ...]] | None:
        if self._word() not in ("by", "without"):
            return None
        return self._take(), self._label_list()

    def _call(self, depth: int) -> bool:
        name = self._take()
        if name not in RANGE_FUNCTIONS and name not in INSTANT_FUNCTIONS:
            near = get_close_matches(name, [*RANGE_FUNCTIONS, *INSTANT_FUNCTIONS, *AGGREGATIONS], n=1, cutoff=0.6)
            raise PromQLError(
                f"there is no function {_shown(name)}", f"did you mean {near[0]}?" if near else "look it up"
            )
        self.composed = True
        self._keeps_all = self._keeps_all or name in RELABELLING
        self._arguments(name, depth, ranges=name in RANGE_FUNCTIONS)
        return False

    def _arguments(self, name: str, depth: int, *, ranges: bool) -> None:
        self._want_word("(", f"( after {name}")
        ranged = False
        while self._word() != ")":
            given = self.expression(0, depth + 1)
            if given and not ranges:
                raise PromQLError(f"{name}() takes no range", "wrap it: sum(increase(…[$window]))")
            ranged = ranged or given
            if self._word() != ",":
                break
            self._take()
        self._want_word(")", f") that closes {name}(")
        if ranges and not ranged:
            raise PromQLError(f"{name}() needs a range", f"write {name}(…[$window])")

    def _selector(self, metric: str) -> None:
        self._keeps_all = self._keeps_all or not self._inside
        if metric:
            self.metrics.append(metric)
        named = bool(metric)
        if self._word() == "{":
            self._take()
            while self._word() != "}":
                named = self._matcher() or named
                if self._word() != ",":
                    break
                self._take()
            self._want_word("}", "} that closes {")
        if not named:
            raise PromQLError("{} selects nothing", "name a metric before the braces")

    def _matcher(self) -> bool:
        label = self._want("name", "a label name in braces")
        operator = self._word()
        if operator not in MATCHES:
            raise self._missing(f"one of = != =~ !~ after label {_shown(label)}")
        self._take()
        value = self._want("string", f"a value in quotes for label {_shown(label)}")[1:-1]
        if operator in ("=~", "!~"):
            _check_regex(label, value)
        self.matchers.append(Matcher(label, operator, value))
        if label == "__name__" and operator == "=":
            self.metrics.append(value)
        return bool(value)

    def _modifiers(self, operator: str) -> None:
        if self._word() == "bool":
            self._take()
            if operator not in COMPARISONS:
                raise PromQLError(f"bool cannot follow {operator}", "it belongs to comparisons")
        if self._word() in ("on", "ignoring") and self._after() == "(":
            self._take()
            self._label_list()
            if self._word() in ("group_left", "group_right"):
                self._take()
                if self._word() == "(":
                    self._label_list()

    def _label_list(self) -> tuple[str, ...]:
        self._want_word("(", "( before a list of labels")
        labels: list[str] = []
        while self._word() != ")":
            labels.append(self._want("name", "a label name"))
            if self._word() != ",":
                break
            self._take()
        self._want_word(")", ") that closes the list of labels")
        return tuple(labels)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "")

    def _word(self) -> str:
        kind, word = self._peek()
        return "" if kind == "string" else word

    def _after(self) -> str:
        return self._tokens[self._place + 1][1] if self._place + 1 < len(self._tokens) else ""

    def _take(self) -> str:
        word = self._tokens[self._place][1]
        self._place += 1
        return word

    def _want(self, kind: str, what: str) -> str:
        if self._peek()[0] != kind:
            raise self._missing(what)
        return self._take()

    def _want_word(self, word: str, what: str) -> None:
        if self._word() != word:
            raise self._missing(what)
        self._take()

    def _missing(self, what: str) -> PromQLError:
        kind, word = self._peek()
        here = "ends" if kind == "end" else f"has {_shown(word)}"
        return PromQLError(f"{here} where it needs {what}", "complete it")


def _check_regex(label: str, value: str) -> None:
    """Go's RE2 has no look-around and no back-references; Python's reading finds the rest."""
    if re.search(r"\(\?[=!<]|\\[1-9]", value):
        raise PromQLError(f"the pattern of label {_shown(label)} looks around or back", "RE2 cannot: write it without")
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError):
        raise PromQLError(
            f"the pattern of label {_shown(label)} is no regular expression", "close its brackets"
        ) from None


def _shown(word: str) -> str:
    return word if len(word) <= 40 else f"{word[:40]}…"
