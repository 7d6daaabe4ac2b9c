"""The programs that judge confidence and declining: right numbers on sets whose figures are known by hand."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.__main__ import main
from service.chat.confidence import FEATURES
from service.commands.confidence_eval import Observed, ObservedSet, fitted_file
from service.deployments.calibration import calibration_text, load_calibration
from service.errors import ConfigurationError
from service.evaluation.calibration import area_under_curve, brier, expected_calibration_error, quality, reliability
from service.evaluation.logistic import Row, fit, solve
from service.settings import CORPORA

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80)
DAY = date(2026, 11, 21)
DATA = Path(__file__).parent / "data"


def test_the_figures_of_a_set_known_by_hand() -> None:
    """Two bins of fifteen, .2 and .8 said, a fifth and all came out so: the error is the mean of 0 and .2."""
    pairs = [(0.2, place < 3) for place in range(15)] + [(0.8, True)] * 15
    assert [(one.predicted, one.observed, one.n) for one in reliability(pairs)] == [
        (pytest.approx(0.2), 0.2, 15),
        (pytest.approx(0.8), 1.0, 15),
    ]
    assert expected_calibration_error(pairs) == pytest.approx(0.1)
    # 15 of the 18 positive ones beat all 12 negative ones, 3 tie with them.
    assert area_under_curve(pairs) == pytest.approx((15 + 1.5) / 18)
    assert brier(pairs) == pytest.approx((12 * 0.04 + 3 * 0.64 + 15 * 0.04) / 30)


def test_what_is_not_defined_is_missing_and_not_one() -> None:
    """Where every answer was right there is no curve, and no interval of it."""
    found = quality([(0.9, True)] * 20, seed=1)
    assert (found.auc.value, found.auc.low, found.auc.high) == (None, None, None)
    assert found.ece.value == pytest.approx(0.1)
    assert (found.n, found.positive) == (20, 20)


@settings(deadline=None, max_examples=60)
@given(PAIRS)
def test_figures_lie_where_they_must(pairs: list[tuple[float, bool]]) -> None:
    """Errors lie in [0, 1], bins hold every question once, and the curve is turned over by turning the outcomes."""
    assert sum(one.n for one in reliability(pairs)) == len(pairs)
    assert 0 <= expected_calibration_error(pairs) <= 1
    area = area_under_curve(pairs)
    turned = area_under_curve([(value, not right) for value, right in pairs])
    assert area is None or turned is None or math.isclose(area + turned, 1)


def test_regression_finds_the_odds_of_a_table() -> None:
    """With one feature of two values the fitted chances are the shares themselves."""
    rows = [Row((0.0,), place < 1, 1.0) for place in range(4)] + [Row((1.0,), place < 3, 1.0) for place in range(4)]
    intercept, weight = fit(rows, 1e-6)
    assert intercept == pytest.approx(math.log(1 / 3), abs=1e-3)
    assert intercept + weight == pytest.approx(math.log(3), abs=1e-3)


def test_a_row_that_counts_twice_is_two_rows() -> None:
    """Weights are counts."""
    others = [Row((0.0,), outcome=False, weight=1.0), Row((1.0,), outcome=False, weight=1.0)]
    twice = fit([Row((1.0,), outcome=True, weight=2.0), *others], 0.1)
    rows = [Row((1.0,), outcome=True, weight=1.0)] * 2 + others
    assert twice == pytest.approx(fit(rows, 0.1))


def test_equations_are_solved_with_pivots() -> None:
    """A zero in the corner does not stop it."""
    assert solve([[0.0, 2.0], [3.0, 1.0]], [4.0, 5.0]) == pytest.approx([1.0, 2.0])


def observed(qid: str, value: float, relevant: bool) -> Observed:
    return Observed(qid, dict.fromkeys(FEATURES, 0.0) | {"score": value}, relevant, judged=True)


def test_fitted_weights_are_written_with_what_they_were_fitted_to(tmp_path: Path) -> None:
    """The file can be read back, names its sets with their hashes, and only what told relevant from not has weight."""
    rows = tuple(observed(f"q{place}", place / 40, place > 20) for place in range(40))
    file = fitted_file([ObservedSet("ours", rows, "0123456789ab")], DAY)
    assert file.weights["score"] > 1
    assert all(weight == 0 for name, weight in file.weights.items() if name != "score")
    path = tmp_path / "c.yaml"
    path.write_text(calibration_text(file), encoding="utf-8")
    assert load_calibration(path).weights == file.weights
    assert load_calibration(path).fitted == f"{DAY.isoformat()}, half dev: ours (40, sha256 0123456789ab)"


def test_a_set_that_only_succeeds_teaches_nothing() -> None:
    """Without a question that failed there is nothing to fit, and the advice says what to add."""
    rows = tuple(observed(f"q{place}", 0.5, relevant=True) for place in range(5))
    with pytest.raises(ConfigurationError, match="--negatives"):
        fitted_file([ObservedSet("ours", rows, "0123456789ab")], DAY)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("intercept: high", "intercept"),
        ("weights: {coverage: 1.0}", "weights must be exactly"),
        ("bonus: 1.0", "bonus"),
    ],
)
def test_a_broken_calibration_stops_the_start(tmp_path: Path, wrong: str, told: str) -> None:
    """A file with a wrong, missing or unknown member is refused by name."""
    rows = tuple(observed(f"q{place}", place / 10, place > 5) for place in range(10))
    lines = calibration_text(fitted_file([ObservedSet("ours", rows, "0123456789ab")], DAY))
    name = wrong.partition(":")[0]
    head = lines.split(f"\n{name}:")[0] if name != "bonus" else lines.rstrip()
    path = tmp_path / "c.yaml"
    rest = "" if name != "intercept" else "\nweights: {}"
    path.write_text(f"{head}\n{wrong}{rest}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=told):
        load_calibration(path)


def test_the_shipped_sets_are_judged_by_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On our own lay questions and their negatives, held out of the fit, the promised bounds hold."""
    needs, qrels, out = DATA / "needs.jsonl", DATA / "needs.qrels", tmp_path / "c.json"
    corpus = CORPORA / "courtsight"
    words = f"confidence-eval --corpus {corpus} --queries {needs} --qrels {qrels} --negatives {needs}"
    status = main([*words.split(), "--categories", "not_in_corpus,unresolved,other_field", "--json", str(out)])
    assert status == 0
    assert "reliability" in capsys.readouterr().out
    found = json.loads(out.read_text(encoding="utf-8"))["sets"]["needs"]
    assert found["ece"]["value"] <= 0.10
    assert found["auc"]["value"] >= 0.85
    assert found["n"] == 91


def test_the_declined_are_counted_by_category(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names reasons, the sweep rises with its threshold, and the file holds the same."""
    asked = tmp_path / "q.jsonl"
    lines = [
        {"qid": "1", "query": "Apa itu wanprestasi?", "category": "law"},
        {"qid": "2", "query": "Apa isi Pasal 9999 KUHPerdata?", "category": "missing"},
        {"qid": "3", "query": "Resep rendang padang", "category": "food"},
    ]
    asked.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    out = tmp_path / "d.json"
    words = f"decline-eval --corpus {CORPORA / 'courtsight'} --queries {asked} --sweep --show food --json {out}"
    assert main(words.split()) == 0
    assert "article_not_in_law 1" in capsys.readouterr().out
    found = json.loads(out.read_text(encoding="utf-8"))
    shares = {name: one["share"] for name, one in found["categories"].items()}
    assert shares == {"law": 0, "missing": 1, "food": 1}
    swept = [one["law"] for one in found["sweep"].values()]
    assert swept == sorted(swept)


def test_uneven_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Each corpus needs its own queries and judgements."""
    assert main(["confidence-eval", "--corpus", "a", "--corpus", "b", "--queries", "q", "--qrels", "r"]) == 2
    assert "as often" in capsys.readouterr().err
