"""When a load test begins, goes on and ends; and what it keeps. No network, no Locust."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import replace

import pytest

from benchmarks.load.crowd import FINISH_SECONDS, SIGN_IN_SECONDS, Crowd, Measured, choose
from benchmarks.load.job import COLUMNS, Account, GeneratorJob, job_text, outcome_text, read_job, read_outcome
from benchmarks.workload import Workload

MEASURED = Measured(1 / 3, "simple", "json", None, 200, "ok")


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def crowd(shipped: Workload, time: Time) -> Crowd:
    """Twenty users who are all signed in at second 100."""
    made = Crowd(shipped.load, time, lambda: time.now / 10, io.StringIO(), time.now)
    made.write_header()
    assert [made.user_signed_in() for _ in range(20)] == [False] * 19 + [True]
    return made


def ask(crowd: Crowd, times: int) -> None:
    for _ in range(times):
        crowd.end_request("judge", crowd.begin_request(), MEASURED)


def test_it_ends_when_long_enough_and_enough(crowd: Crowd, time: Time) -> None:
    """Thirty seconds and 3,000 requests are both needed."""
    ask(crowd, 3000)
    time.now = 129.9
    assert not crowd.over()
    time.now = 130.0
    assert crowd.over()


def test_it_goes_on_for_more_requests_up_to_its_longest(crowd: Crowd, time: Time) -> None:
    """With too few requests it goes on, and ends at 75 s all the same."""
    ask(crowd, 2999)
    time.now = 174.9
    assert not crowd.over()
    time.now = 175.0
    assert crowd.over()
    assert crowd.outcome().error == ""


def test_requests_under_way_are_let_to_their_end(crowd: Crowd, time: Time) -> None:
    """Users ask no more, and the slowest answer is waited for: cutting it off would hide it."""
    ask(crowd, 3000)
    started = crowd.begin_request()
    time.now = 130.0
    assert not crowd.over()
    assert crowd.stopping
    time.now = 140.0
    crowd.end_request("judge", started, MEASURED)
    assert crowd.over()
    assert (crowd.outcome().requests, crowd.outcome().seconds) == (3001, 40.0)


def test_a_request_that_never_ends_is_an_error(crowd: Crowd, time: Time) -> None:
    """Beyond its own timeout a request is given up, and the outcome says so."""
    ask(crowd, 3000)
    crowd.begin_request()
    time.now = 130.0
    assert not crowd.over()
    time.now = 130.0 + crowd.plan.timeout_seconds + FINISH_SECONDS + 0.1
    assert crowd.over()
    assert crowd.outcome().error == "1 requests never ended"


def test_users_who_cannot_sign_in_end_it(shipped: Workload, time: Time) -> None:
    """Without its users the test never begins; the outcome says how many came."""
    crowd = Crowd(shipped.load, time, lambda: 0.0, io.StringIO(), time.now)
    crowd.user_signed_in()
    assert not crowd.over()
    time.now += SIGN_IN_SECONDS + 1
    assert crowd.over()
    assert "only 1 of 20 users signed in" in crowd.outcome().error


def test_a_failure_ends_it_at_once_and_the_first_reason_stays(crowd: Crowd) -> None:
    """A refused password is the reason, not what followed from it."""
    crowd.fail("signing in as judge failed with status 401")
    crowd.fail("something later")
    assert crowd.over()
    assert crowd.outcome().error == "signing in as judge failed with status 401"


def test_a_service_that_dies_ends_it(crowd: Crowd) -> None:
    """Two hundred requests in a row without any answer end the test; a refusal is an answer and goes on."""
    for _ in range(199):
        crowd.end_request("judge", crowd.begin_request(), replace(MEASURED, status=None, failure="no answer: refused"))
    crowd.end_request("judge", crowd.begin_request(), replace(MEASURED, status=503, failure="503 internal"))
    assert not crowd.over()
    for _ in range(200):
        crowd.end_request("judge", crowd.begin_request(), replace(MEASURED, status=None, failure="no answer: refused"))
    assert crowd.over()
    assert "200 requests running were not answered: no answer: refused" in crowd.outcome().error


def test_samples_are_written_unrounded_and_once(crowd: Crowd) -> None:
    """Each flush writes what is new; the times are those measured, to the last digit."""
    ask(crowd, 2)
    crowd.flush()
    ask(crowd, 1)
    crowd.flush()
    crowd.flush()
    rows = list(csv.reader(io.StringIO(crowd.samples.getvalue())))  # type: ignore[attr-defined]  # a StringIO here
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 4
    assert rows[1] == ["0.0", repr(1 / 3), "", "judge", "simple", "json", "200", "ok", "", ""]


def test_peak_concurrency_and_busy_seconds_are_known(crowd: Crowd, time: Time) -> None:
    """How many were under way at once, and the generator's CPU seconds since everybody was signed in."""
    started = [crowd.begin_request() for _ in range(3)]
    time.now = 110.0
    for moment in started:
        crowd.end_request("judge", moment, MEASURED)
    outcome = crowd.outcome()
    assert (outcome.peak_in_flight, outcome.seconds, outcome.users) == (3, 10.0, 20)
    assert outcome.cpu_seconds == pytest.approx(1.0)


def test_the_mixture_is_that_of_the_workload(shipped: Workload) -> None:
    """Complexities alike often, streams and new conversations by their shares, the same for the same seed."""
    dice, again = random.Random(7), random.Random(7)
    asked = [choose(dice, dict(shipped.questions), shipped.load) for _ in range(3000)]
    assert asked == [choose(again, dict(shipped.questions), shipped.load) for _ in range(3000)]
    for complexity in ("simple", "medium", "complex"):
        assert 900 < sum(entry.complexity == complexity for entry in asked) < 1100
    assert 800 < sum(entry.stream for entry in asked) < 1000
    assert 650 < sum(entry.new_conversation for entry in asked) < 850
    assert all(entry.question in shipped.questions[entry.complexity] for entry in asked)


def test_the_job_survives_its_file_and_hides_its_secrets(shipped: Workload, tmp_path: object) -> None:
    """What the generator reads is what it was told; secrets stay out of what is printed."""
    from pathlib import Path

    folder = Path(str(tmp_path))
    accounts = (Account("judge", "h", "geheim"), Account("public", token="tok"))
    job = GeneratorJob("http://127.0.0.1:1", accounts, shipped.questions, shipped.load, 7, "s", "p", "o")
    (folder / "job.json").write_text(job_text(job), encoding="utf-8")
    assert read_job(folder / "job.json") == job
    assert "geheim" not in repr(job)
    assert "tok" not in repr(job)


def test_half_an_outcome_is_none(crowd: Crowd, tmp_path: object) -> None:
    """A generator that was killed while it wrote left no outcome."""
    from pathlib import Path

    file = Path(str(tmp_path)) / "outcome.json"
    text = outcome_text(crowd.outcome())
    assert read_outcome(file) is None
    file.write_text(text, encoding="utf-8")
    assert read_outcome(file) == crowd.outcome()
    file.write_text(text[: len(text) // 2], encoding="utf-8")
    assert read_outcome(file) is None
    assert replace(crowd.outcome(), error="x") != crowd.outcome()
