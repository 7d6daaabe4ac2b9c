"""What happens to every service, told once for all alerts of an SLO: idle hours, restarts, deploys, late series, an outage.

A story is silent unless its title says otherwise; each of them broke the rules of some other generator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from alerts import absence
from alerts.burn import alert_annotations, burn_alert_name
from alerts.looks import AlertLook, Case, Fired, Look, Sample, fired_labels, minutes, recorded, rounded_up
from alerts.ratios import LONGEST_RAW_WINDOW, selected, slo_labels, sloth_id
from alerts.recording import windows_of
from alerts.subjects import Subject
from alerts.traffic import MINUTE, Counter, Gauge, InputSeries, Stretch
from slo import names
from slo.budget import firing_ratio
from slo.quantities import format_duration
from slo.sli import matchers
from slo.spec import EventsSLI, RatioSLI, Spec, cell

HALF = Decimal("0.5")
OUTAGE_STEP = 10 * MINUTE
OLD_MINUTES = 60
ABSENT_MINUTES = 4
BORN = 50_000
"""Bad events with which a series is seen for the first time."""
RATIO_TOLERANCE = Decimal("0.02")


def idle(subject: Subject) -> Case:
    """Before the first event every ratio is empty, not NaN; after the last the short ones are, while the long one keeps what it knew."""
    before, end = Decimal(6) * MINUTE, Decimal(86) * MINUTE
    every = Look(before, matchers(((names.SLO_ID, sloth_id(subject.slo)),), f'__name__=~"{names.SLI_ERROR_PREFIX}.*"'))
    short = [word for word, seconds in (("5m", 300), ("30m", 1800), ("1h", 3600)) if seconds > (subject.slice or 0)]
    empty = [Look(end, selected(names.sli_error(word), subject.slo)) for word in short]
    gauges = any(isinstance(source, Gauge) for source in subject.sources)  # without events these have no series at all
    period = format_duration(subject.slo.window)
    known = Look(end, f"{selected(names.sli_error(period), subject.slo)} + 0", _zeros(subject, period))
    stretches = (Stretch(6, idle=True), Stretch(10), Stretch(75, idle=True))
    return Case("", subject.series(stretches), (every, *empty, known, *_silence(subject, end, absent_too=not gauges)))


def restart(subject: Subject) -> Case:
    """Half the errors that may be, while counters begin at zero again and a deploy leaves no target for four minutes: nothing fires."""
    ratio = Decimal(0) if subject.slice else _harmless(subject)
    stretches = (
        Stretch(25, ratio),
        Stretch(20, ratio, restart=True),
        Stretch(4, gone=True),
        Stretch(25, ratio, restart=True),
    )
    end = Decimal(70) * MINUTE
    looks = tuple(look for at in (27, 46, 50, 52, 60, 70) for look in _silence(subject, at * MINUTE))
    hour = selected(names.sli_error("1h"), subject.slo)
    near = Look(
        end,
        f"abs({hour} - {ratio}) <= bool {ratio * 10 * RATIO_TOLERANCE}",
        tuple(
            Sample(recorded(subject, "1h", dict(group)), _one(not number or not ratio))
            for number, group in enumerate(subject.groups)
        ),
    )
    return Case("", subject.series(stretches), (*looks, near))


def newcomer(subject: Subject) -> Case:
    """A target that ran unwatched brings high counters along: its past is no fault of this minute."""
    looks = tuple(look for at in (32, 35, 40, 50) for look in _silence(subject, at * MINUTE))
    return Case("", tuple(_with_past(entry) for entry in subject.series((Stretch(25),))), looks)


def first_errors(subject: Subject) -> Case | None:
    """Bad events whose series is born late, with a high count, are errors (sloth#440); None where their series is there from the start."""
    late = _late(subject)
    if not late:
        return None
    every = subject.series((Stretch(90, events=BORN // 30),))
    series = tuple(InputSeries(one.series, f"_x69 {BORN}x20") if one.series in late else one for one in every)
    before, after = Decimal(66) * MINUTE, Decimal(72) * MINUTE
    looks = [
        Look(
            after,
            f"abs({selected(names.BAD_EVENTS_5M, subject.slo)} - {BORN}) <= bool 1",
            tuple(Sample(_plain(subject, dict(group)), _one(not nr)) for nr, group in enumerate(subject.groups)),
        )
    ]
    for window in (length for length in windows_of(subject.slo) if length <= LONGEST_RAW_WINDOW):
        word = format_duration(window)
        ratio = selected(names.sli_error(word), subject.slo)
        looks.append(Look(before, f"{ratio} + 0", _zeros(subject, word)))
        looks.append(_most(subject, window, after))
    return Case("", series, tuple(looks))


def reborn(subject: Subject) -> Case | None:
    """A restart forgets the series of bad events; when it is born again, what it had counted before is no part of it.

    Each window is looked at when its left end lies between the restart and the birth: twice as long, it would reach over both.
    """
    late = _late(subject)
    if not late:
        return None
    short = [length for length in windows_of(subject.slo) if length <= LONGEST_RAW_WINDOW]
    rest = minutes(max(short)) + ABSENT_MINUTES + 5
    stretches = (Stretch(OLD_MINUTES, events=BORN // 30), Stretch(rest, events=BORN // 30, restart=True))
    past = f"{5 * BORN}x{OLD_MINUTES - 1} stale _x{ABSENT_MINUTES - 1} {BORN}x{rest - ABSENT_MINUTES}"
    series = tuple(InputSeries(one.series, past) if one.series in late else one for one in subject.series(stretches))
    left = (OLD_MINUTES + ABSENT_MINUTES // 2) * MINUTE
    return Case("", series, tuple(_most(subject, window, left + window) for window in short))


def _late(subject: Subject) -> frozenset[str]:
    """The series of bad events, where others of the same metric are there from the start."""
    if not isinstance(subject.slo.sli, RatioSLI | EventsSLI):
        return frozenset()
    counters = [source for source in subject.sources if isinstance(source, Counter)]
    if not any(source.bad is False for source in counters):
        return frozenset()
    return frozenset(source.series for source in counters if source.bad)


def _most(subject: Subject, window: Decimal, at: Decimal) -> Look:
    """Of the failing group a third of the events or more is bad, and no more than all of them; of the other group none."""
    word = format_duration(window)
    told = tuple(Sample(recorded(subject, word, dict(group)), _one(not nr)) for nr, group in enumerate(subject.groups))
    return Look(at, f"abs({selected(names.sli_error(word), subject.slo)} - 0.65) < bool 0.36", told)


def outage_seconds(subject: Subject) -> Decimal:
    """How long an outage must last for every alert of the SLO to fire, with some evaluations to spare."""
    return rounded_up(max((one.hold for one in subject.slo.windows), default=Decimal(0)), OUTAGE_STEP) + 3 * OUTAGE_STEP


def outage(spec: Spec, subject: Subject, at: Decimal) -> Case:
    """In a total outage that lasts, every alert within reach fires, with all its labels and with everything that it has to say."""
    found: dict[str, tuple[Fired, ...]] = {
        burn_alert_name(subject.slo, window.severity): () for window in subject.slo.windows
    }
    for window in subject.slo.windows:
        if firing_ratio(subject.slo, window) < 1:
            name = burn_alert_name(subject.slo, window.severity)
            labels = fired_labels(subject, window)
            texts = alert_annotations(spec, subject.slo, window, name)
            found[name] += (Fired(cell(labels), tuple((key, filled(text, labels)) for key, text in texts)),)
    looks = tuple(AlertLook(at, name, fired) for name, fired in found.items())
    return Case("", subject.series((Stretch(int(at / MINUTE), Decimal(1)),)), (), looks)


def filled(text: str, labels: Mapping[str, str]) -> str:
    """A text with what Prometheus fills in: labels, nothing where there is none, and a value that is everything."""
    text = text.replace("{{ $value | humanizePercentage }}", "100%")
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels.get(found[1], ""), text)


def _silence(subject: Subject, at: Decimal, *, absent_too: bool = False) -> tuple[Look, ...]:
    """No alert of the SLO fires or is about to; with `absent_too` not even the one that asks for missing series."""
    mine = ((names.SLO_ID, sloth_id(subject.slo)),)
    more = () if absent_too else (f'alertname!="{absence.SLI_ABSENT}"',)
    return (Look(at, "ALERTS" + matchers(mine, *more)),)


def _zeros(subject: Subject, word: str) -> tuple[Sample, ...]:
    return tuple(Sample(recorded(subject, word, dict(group)), "0") for group in subject.groups)


def _harmless(subject: Subject) -> Decimal:
    least = min((firing_ratio(subject.slo, window) for window in subject.slo.windows), default=subject.slo.error_budget)
    return (min(least, Decimal(1)) * HALF).quantize(Decimal("0.000001"))


def _with_past(entry: InputSeries) -> InputSeries:
    """The series as a target that was not scraped for half an hour shows it: unseen, then far on."""
    first, _, rest = entry.values.partition(" ")
    if first != "0":  # a gauge has no past
        return InputSeries(entry.series, f"_x29 {entry.values}")
    step = int(rest.split("+")[1].split("x")[0])
    high = 3_000_000 + 40 * step
    return InputSeries(entry.series, f"_x29 {high}+{step}x24")


def _plain(subject: Subject, group: dict[str, str]) -> str:
    return matchers(cell({**dict(slo_labels(subject.slo)), **group}))


def _one(yes: bool) -> str:
    return "1" if yes else "0"
