"""Asks a Prometheus: frozen answers, short timeouts, no retries, and nothing that is missing ever becomes a zero.

A thin edge over prometheus-api-client. `Prometheus` knows what the answers mean and works on any `Api`; `connect` makes the real one.
Times are seconds since the epoch, as Prometheus writes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from slo import names
from slo.quantities import parse_duration
from slo.sli import matchers
from slo.spec import Cell
from target.errors import PrometheusDown

TIMEOUT_SECONDS = 20.0
"""A local Prometheus answers our queries within milliseconds, beside much else within seconds; one that needs longer is in trouble."""

LEAST_COVERAGE = 0.9
"""Share of the expected scrapes that must have succeeded. A missed scrape loses no counts, so a hiccup under load is forgiven."""


Answer = TypeVar("Answer")

LEAST_PATIENCE_SECONDS = 30.0
"""A Prometheus that was just started looks at a new target after five to six seconds, on a busy machine later; giving up sooner would say nothing."""


class Api(Protocol):
    """The four questions that we put to Prometheus; each answers the `data` part of its JSON."""

    def instant(self, query: str, at: float) -> Any:  # noqa: ANN401 - JSON as it came
        """Result of an instant query."""

    def range(self, query: str, start: float, end: float, step_seconds: float) -> Any:  # noqa: ANN401 - as above
        """Result of a range query."""

    def targets(self) -> Any:  # noqa: ANN401 - as above
        """Active and dropped targets."""

    def get(self, path: str) -> Any:  # noqa: ANN401 - as above
        """Any other read, by its path below `/api/v1/`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series; None for NaN and the infinities, which are no measurements."""

    labels: Mapping[str, str]
    at: float
    value: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one series, oldest first, each with its time."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """An alert as Prometheus holds it just now.

    Attributes:
        state: `pending` while its `for` runs, then `firing`.
        active_since: First evaluation at which its expression held.
    """

    labels: Mapping[str, str]
    state: str
    active_since: float

    @property
    def name(self) -> str:
        """Its `alertname`."""
        return self.labels.get("alertname", "")

    @property
    def firing(self) -> bool:
        """Whether it fires, rather than waits for its `for`."""
        return self.state == "firing"


@dataclass(frozen=True, slots=True)
class RuleState:
    """A rule as Prometheus evaluates it: `health` is ok, err or unknown (not evaluated yet)."""

    name: str
    kind: str
    health: str
    error: str


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """A scraped target: `health` is up, down or unknown (not scraped yet); the interval is None where Prometheus does not tell."""

    labels: Mapping[str, str]
    health: str
    error: str
    interval_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How well Prometheus watched the service over a window.

    Attributes:
        ratio: Successful scrapes against those expected, of the worst instance; at most 1.
        gap: Why nothing may be computed from this window, in a sentence; empty when it was watched.
    """

    ratio: float
    gap: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Events between two instants, exact; both None with a reason when they cannot be known."""

    bad: int | None
    valid: int | None
    reason: str = ""


class Prometheus:
    """What a Prometheus knows.

    Every method raises PrometheusDown when it gives no answer, or none that can be used.
    """

    def __init__(self, api: Api, url: str) -> None:
        self.url = url
        self._api = api

    def instant(self, query: str, at: float) -> tuple[Sample, ...]:
        """The samples of an instant query."""
        return self._read(lambda: tuple(_sample(entry) for entry in self._api.instant(query, at)))

    def value(self, query: str, at: float) -> float | None:
        """The one value of a query; None when there is none, more than one, or it is no finite number."""
        samples = self.instant(query, at)
        return samples[0].value if len(samples) == 1 else None

    def raw(self, selector: str, window_seconds: float, at: float) -> tuple[Series, ...]:
        """The stored samples of a selector within a window that ends at `at`, with their own times."""
        query = f"{selector}[{_range(window_seconds)}]"
        return self._read(lambda: tuple(_series(entry) for entry in self._api.instant(query, at)))

    def range(self, query: str, start: float, end: float, step_seconds: float) -> tuple[Series, ...]:
        """A query evaluated at every step; the client rounds start and end to whole seconds."""
        return self._read(lambda: tuple(_series(entry) for entry in self._api.range(query, start, end, step_seconds)))

    def alerts(self) -> tuple[ActiveAlert, ...]:
        """Everything that is pending or firing now."""
        return self._read(lambda: tuple(_alert(entry) for entry in self._api.get("alerts")["alerts"]))

    def rules(self) -> tuple[RuleState, ...]:
        """All loaded rules, with how their last evaluation went."""
        return self._read(
            lambda: tuple(_rule(rule) for group in self._api.get("rules")["groups"] for rule in group["rules"])
        )

    def targets(self) -> tuple[ScrapeTarget, ...]:
        """All active targets."""
        return self._read(lambda: tuple(_target(entry) for entry in self._api.targets()["activeTargets"]))

    def scrape_interval(self, selector: Cell) -> float | None:
        """Seconds between two looks at the instances with these labels, the longest of them; None when it is not known."""
        found = [one for one in self.targets() if all(one.labels.get(name) == value for name, value in selector)]
        return max((one.interval_seconds for one in found if one.interval_seconds is not None), default=None)

    def coverage(self, selector: Cell, start: float, end: float, scrape_interval: float) -> Coverage:
        """How well the instances with these labels were scraped from `start` to `end`."""
        if end <= start:
            return Coverage(0.0, "the window is empty")
        margin = 2 * scrape_interval
        return watched(self.raw(names.UP + matchers(selector), end - start + margin, end), start, end, scrape_interval)

    def counts(
        self, bad_query: str, valid_query: str, start: float, end: float, *, counters: Sequence[str], margin: float
    ) -> Counts:
        """Events from `start` to `end`, as the difference of sums of counters; exact where `increase` extrapolates.

        Args:
            bad_query: The counters' present sum, as `slo.sli.bad_events(slo, None)` writes it.
            valid_query: The same for all valid events.
            start: The last scrape before it counts as its reading.
            end: The same.
            counters: Selectors of the counters behind both queries; a reset of any of them makes the difference meaningless.
            margin: Seconds before `start` in which a reset would matter too: the age that its reading may have.
        """
        resets = self._resets(counters, end - start + margin, end)
        if resets:
            return Counts(None, None, f"its counters were reset {resets} times: was the service restarted?")
        bad = (self.value(bad_query, start), self.value(bad_query, end))
        valid = (self.value(valid_query, start), self.value(valid_query, end))
        return difference(bad, valid)

    def await_scrape(
        self,
        selector: Cell,
        after: float,
        *,
        deadline_seconds: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> float:
        """Wait until every instance with these labels was scraped with success after `after`; give the time of that scrape.

        Call it before a measured window begins and after it ended, so that the scrapes know everything that happened within. A
        deadline under `LEAST_PATIENCE_SECONDS` is raised to it.
        """
        patience = max(deadline_seconds, LEAST_PATIENCE_SECONDS)
        query = names.UP + matchers(selector)
        while True:
            now = clock()
            latest = [_last_good(series.points) for series in self.raw(query, 60 + max(0.0, now - after), now)]
            if latest and min(latest) >= after:
                return min(latest)
            if now - after > patience:
                raise PrometheusDown(
                    f"Prometheus at {self.url} has not scraped the service for {patience:g} s: "
                    "look at its page Status, Targets"
                )
            sleep(0.1)

    def _resets(self, counters: Sequence[str], window_seconds: float, at: float) -> int:
        found = [self.value(f"sum(resets({one}[{_range(window_seconds)}]))", at) for one in counters]
        return round(sum(count for count in found if count is not None))

    def _read(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise PrometheusDown(
                f"{self.url} gave an answer that is none of Prometheus' ({type(error).__name__}): is it one?"
            ) from error


def watched(scrapes: Sequence[Series], start: float, end: float, scrape_interval: float) -> Coverage:
    """The coverage that the samples of `up` show: each instance was scraped around both ends, and often enough between."""
    if not scrapes:
        return Coverage(0.0, "Prometheus has not scraped the service in this window")
    found = [_watched_instance(series.points, start, end, scrape_interval) for series in scrapes]
    return min(found, key=lambda coverage: (not coverage.gap, coverage.ratio))


def _last_good(points: Sequence[tuple[float, float | None]]) -> float:
    return max((at for at, value in points if value == 1), default=-math.inf)


def _watched_instance(
    points: Sequence[tuple[float, float | None]], start: float, end: float, scrape_interval: float
) -> Coverage:
    good = [at for at, value in points if value == 1]
    within = sum(start < at <= end for at in good)
    ratio = min(1.0, within / max(1, math.floor((end - start) / scrape_interval)))
    if not any(at <= start for at in good):
        return Coverage(ratio, "an instance of the service was not scraped just before the window began")
    if max(good) < end - 2 * scrape_interval or points[-1][1] != 1:
        return Coverage(ratio, "an instance of the service was not scraped any more when the window ended")
    if ratio < LEAST_COVERAGE:
        return Coverage(ratio, f"only {ratio:.0%} of the expected scrapes succeeded; {LEAST_COVERAGE:.0%} are needed")
    return Coverage(ratio)


def difference(bad: tuple[float | None, float | None], valid: tuple[float | None, float | None]) -> Counts:
    """Counts from the sums of two instants; a sum that is missing, falls or contradicts the other gives none."""
    if bad[0] is None or bad[1] is None or valid[0] is None or valid[1] is None:
        when = "began" if None in (bad[0], valid[0]) else "ended"
        return Counts(None, None, f"its counters do not exist when the window {when}: is the metric's name right?")
    bad_events, valid_events = round(bad[1] - bad[0]), round(valid[1] - valid[0])
    if bad_events < 0 or valid_events < 0:
        return Counts(None, None, "its counters fell within the window: was the service restarted?")
    if bad_events > valid_events:
        return Counts(None, None, f"{bad_events} bad of {valid_events} valid events is no share: check the SLI")
    return Counts(bad_events, valid_events)


def connect(url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> Prometheus:
    """The Prometheus at this address; nothing is asked yet."""
    from target.prometheus_api import ClientApi  # noqa: PLC0415 - the client loads requests; only who asks pays

    return Prometheus(ClientApi(url, timeout_seconds), url)


def _range(seconds: float) -> str:
    return f"{math.ceil(seconds * 1000)}ms"


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _sample(entry: Any) -> Sample:  # noqa: ANN401 - JSON as it came
    at, text = entry["value"]
    return Sample(dict(entry["metric"]), float(at), _number(text))


def _series(entry: Any) -> Series:  # noqa: ANN401 - as above
    return Series(dict(entry["metric"]), tuple((float(at), _number(text)) for at, text in entry["values"]))


def _alert(entry: Any) -> ActiveAlert:  # noqa: ANN401 - as above
    # Prometheus writes nanoseconds, which datetime reads only cut to microseconds (Python 3.11 cuts them itself).
    return ActiveAlert(
        dict(entry["labels"]), str(entry["state"]), datetime.fromisoformat(entry["activeAt"]).timestamp()
    )


def _rule(entry: Any) -> RuleState:  # noqa: ANN401 - as above
    return RuleState(str(entry["name"]), str(entry["type"]), str(entry["health"]), str(entry.get("lastError", "")))


def _target(entry: Any) -> ScrapeTarget:  # noqa: ANN401 - as above
    interval = entry.get("scrapeInterval")  # since Prometheus 2.28
    seconds = None if interval is None else float(parse_duration(str(interval)))
    return ScrapeTarget(dict(entry["labels"]), str(entry["health"]), str(entry.get("lastError", "")), seconds)
