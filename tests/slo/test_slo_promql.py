"""PromQL out of a spec: what parses, what does not, and what an expression reads."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tools import find_tools
from slo.promql import LONGEST, Matcher, PromQLError, read_expression, with_matchers

GOOD = (
    'http_requests_total{code=~"5.."}',
    "http_requests_total",
    'sum(increase(http_requests_total{job="shop",code!~"5.."}[$window]))',
    "sum by (role) (rate(x_total[$window])) / sum by (role) (rate(y_total[$window]))",
    "sum(rate(x_total[5m] offset 1h)) without (pod)",
    "1 - (avg_over_time(probe_success[$window]))",
    "histogram_quantile(0.95, sum by (le) (rate(x_bucket[$window])))",
    "max_over_time(sum(up)[1h:1m])",
    "a / on (job) group_left (team) b",
    "a and ignoring (x) b or c unless d",
    "-2 ^ 3 + 1e3 * 0x1F > bool 5",
    '{__name__="x_total", job=`a`}',
    "clamp_min(sum(increase(x_total[$window])) - sum(increase(y_total[$window])), 0) # bad ones",
    "x @ 1609746000",
    "sum_over_time(x[$window:1m] @ end())",
    "sum(sum_over_time(slo:count{a='b'}[$window]))",
    "histogram_fraction(0, 0.5, sum(rate(x[$window])))",
    "time() - by",
    "SUM BY (role) (rate(x[5m])) OR vector(0)",
    "round(x, 0.5) + round(x) + day_of_month() + hour(x) * pi()",
    'topk(3, x) + quantile(0.9, x) + count_values("version", x)',
    'label_join(x, "a", ",", "b", "c") / label_replace(y, "a", "$1", "b", "(.*)")',
    "max_over_time((x)[5m:]) - max_over_time(sum(x)[5m:1m] offset 1h)",
    "rate(x[5m] offset -5m @ -5)",
    "clamp(x, 0, Inf) > bool NaN",
    r'x{a=~"\\d+",b=~`\pL\Q(\E[[:alpha:]]a(?i)b*?\z`,c="\"\x41\101\u00e9"}',
    '{a!=""} + {a!~".*"} + {a=~".+"}',
)


@pytest.mark.parametrize("text", GOOD)
def test_what_prometheus_takes_is_taken(text: str) -> None:
    """Selectors, ranges, subqueries, aggregations, modifiers and numbers parse."""
    assert read_expression(text).metrics is not None


BAD = [
    ("", "ends where it needs a metric"),
    ("sum(rate(x[$window])", "needs ) that closes sum("),
    ("sum(rate(x[$window])))", "where the expression has ended"),
    ('x{a="b"', "needs } that closes {"),
    ('x{a="b}', "is never closed"),
    ("x{a=b}", "a value in quotes for label a"),
    ("x{a}", "one of = != =~ !~"),
    ("x y", "where the expression has ended"),
    ("x +", "ends where it needs"),
    ("* x", "has * where it needs"),
    ("rate(x)", "needs a range"),
    ("sum(x[5m])", "takes no range"),
    ("x[$window]", "ends in a range"),
    ("x[5m] / y", "a range stands beside /"),
    ("rate(x[5 minutes])", "is no range"),
    ("rate(x[$windw])", "is no range"),
    ("rate(x[$window][5m])", "a second range"),
    ("rte(x[$window])", "there is no function rte"),
    ("x $window", "stands outside a range"),
    ("x; drop", "is no PromQL"),
    ('x{a=~"("}', "no regular expression"),
    ('x{a=~"(?=b)"}', "looks around"),
    ("{}", "selects nothing"),
    ("rate(x[$window]", "that closes rate("),
    ("x offset y", "a duration such as 5m"),
    ("sum by (a) (x) by (b)", "grouped twice"),
    ("a + bool b", "bool cannot follow +"),
    ("rate(x[5m", "has no partner"),
    ("(" * 60 + "x" + ")" * 60, "nested deeper"),
    ("x" * (LONGEST + 1), "more than 10000"),
    ('x{5="a"}', "a label name in braces"),
    ('x{a:b="1"}', "a label name in braces"),
    ("sum(1)", "takes series as argument 1, not a number"),
    ("sum()", "cannot take 0 arguments"),
    ("topk(x)", "cannot take 1 arguments"),
    ('topk("3", x)', "takes a number as argument 1, not a text"),
    ("round(x, 1, 2)", "cannot take 3 arguments"),
    ("time(1)", "cannot take 1 arguments"),
    ('label_join(x, "a")', "cannot take 2 arguments"),
    ("histogram_quantile(x, 0.9)", "takes a number as argument 1, not series"),
    ("vector(x)", "takes a number as argument 1, not series"),
    ("sum(x,)", "where it needs"),
    ("1 > 2", "two numbers are compared"),
    ("x or 0", "a number stands beside or"),
    ('x + "a"', "a text stands beside +"),
    ('-"a"', "a sign stands before a text"),
    ("x / on (a) 2", "labels are matched with a number"),
    ("x and on (a) group_left y", "group_left cannot follow and"),
    ("x / on (a) group_left (a) y", "a label stands in on and in group_left"),
    ("sum(x) offset 5m", "offset stands behind an expression"),
    ("x offset 1h offset 2h", "offset stands twice"),
    ("x @ 5 @ 6", "@ stands twice"),
    ("x offset 0s", "by no duration"),
    ("rate(x offset 5m[5m])", "a range stands behind offset"),
    ("rate(sum(x)[5m])", "follows an expression"),
    ("rate(time()[5m:])", "follows a number"),
    ("rate(x[30m1h])", "is no range"),
    ("rate(x[5m:0s])", "is no step"),
    ("bool + x", "where it needs"),
    (r'x{a=~"\d+"}', "no escape"),
    (r'x{a="\x4"}', "no escape"),
    ('x{a=~"a++"}', "repeats a repetition"),
    ('x{a=~"a{1001}"}', "repeats more than 1000 times"),
    ('x{a=~"(?>a)"}', "RE2 does not know"),
    (r'x{a=~"a\\Z"}', "no escape of RE2"),
    ('x{__name__="y"}', "has its name already"),
    ('{a=~".*"}', "selects nothing, or everything"),
    ('{a!="b"}', "selects nothing, or everything"),
]


@pytest.mark.parametrize(("text", "said"), BAD)
def test_what_does_not_parse_says_where_and_mends(text: str, said: str) -> None:
    """Each mistake is one sentence with a mend."""
    with pytest.raises(PromQLError, match=None) as caught:
        read_expression(text)
    assert said in str(caught.value)
    assert caught.value.advice


def test_a_near_function_is_named() -> None:
    """A typo in a function's name leads to the nearest one."""
    with pytest.raises(PromQLError) as caught:
        read_expression("sum(incraese(x_total[$window]))")
    assert caught.value.advice == "did you mean increase?"


def test_what_an_expression_reads() -> None:
    """Metrics, matchers, the window and the outermost grouping are known."""
    read = read_expression('sum by (role) (increase(a_total{x="1"}[$window])) / sum(b_total)')
    assert read.metrics == ("a_total", "b_total")
    assert read.matchers == (Matcher("x", "=", "1"),)
    assert (read.windowed, read.selector, read.kept) == (True, False, ("role",))


@pytest.mark.parametrize(
    ("text", "plain"), [('x{a="b"}', True), ("x", True), ("x + 1", False), ("(x)", False), ("sum(x)", False)]
)
def test_a_selector_is_told_from_an_expression(text: str, plain: bool) -> None:
    """One metric with its conditions is a selector, anything around it makes an expression."""
    assert read_expression(text).selector is plain


def test_conditions_are_added_to_a_selector() -> None:
    """Labels of a member join those of its selector."""
    assert with_matchers("x", (("role", "judge"),)) == 'x{role="judge"}'
    assert with_matchers('x{a="b",}', (("role", "judge"),)) == 'x{a="b",role="judge"}'
    assert with_matchers("x{}", (("role", "judge"),)) == 'x{role="judge"}'
    assert with_matchers("x{}", ()) == "x{}"


@given(st.text(alphabet="xy{}()[]$window,=~\"'5m +-*/ \n\\`#@:.^&é\0", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text does anything but parse or be refused with a sentence."""
    with contextlib.suppress(PromQLError):
        assert read_expression(text).matchers is not None


@given(st.lists(st.sampled_from(GOOD), min_size=1, max_size=4))
def test_sums_of_what_parses_parse(parts: list[str]) -> None:
    """Brackets and operators around good expressions give good expressions."""
    assert read_expression(" + ".join(f"({part}\n)" for part in parts)).selector is False


@pytest.mark.integration
def test_promtool_is_of_the_same_mind(tmp_path: Path) -> None:
    """What we take promtool takes, and what we refuse it refuses: else people would be told wrong."""
    promtool = find_tools(Path(__file__).parents[2], report=lambda _: None).promtool
    assert promtool is not None, "run: make setup"

    def refused(texts: Sequence[str]) -> list[str]:
        files = {tmp_path / f"{number}.yaml": text for number, text in enumerate(texts)}
        for file, text in files.items():
            rule = {"record": "a", "expr": text.replace("$window", "5m")}
            file.write_text(json.dumps({"groups": [{"name": "a", "rules": [rule]}]}), encoding="utf-8")
        command = [str(promtool), "check", "rules", *map(str, files)]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
        return [text for file, text in files.items() if f"{file}: " in said]

    assert refused(GOOD) == []
    ours_alone = {"$windw", "nested deeper", "more than 10000", "ends in a range", "5 minutes"}
    bad = [
        text
        for text, said in BAD
        if not any(word in text + said for word in ours_alone) and "$w" not in text.replace("$window", "")
    ]
    assert refused(bad) == bad


@pytest.mark.parametrize(
    ("text", "number"), [("scalar(x)", True), ("1 + time()", True), ("x * 2", False), ("sum(x)", False)]
)
def test_a_number_is_told_from_series(text: str, number: bool) -> None:
    """A plain number has no labels and cannot be summed: rules that sum it would not load."""
    assert read_expression(text).number is number


def test_a_pattern_that_tries_many_ways_is_read_at_once() -> None:
    """Whether a pattern takes the empty text is not found out by trying each of its ways: here there are 2 to the 200."""
    with pytest.raises(PromQLError, match="selects nothing"):
        read_expression('{a!~"' + "(|)" * 200 + 'x"}')
