"""What happens to every service, told once for all alerts of an SLO: idle hours, restarts, deploys, late series, an outage.

A story is silent unless its title says otherwise; each of them broke the rules of some other generator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import quote_plus

from alerts import absence
from alerts.burn import alert_annotations, burn_alert_name
from alerts.looks import AlertLook, Case, Fired, Look, Sample, fired_labels, minutes, recorded, rounded_up
from alerts.ratios import LONGEST_RAW_WINDOW, selected, slo_labels, sloth_id
from alerts.recording import windows_of
from alerts.subjects import Subject
from alerts.traffic import EVENTS_PER_MINUTE, MINUTE, Counter, InputSeries, Rate, Stretch, with_label
from slo import names
from slo.quantities import format_duration
from slo.sli import matchers
from slo.spec import EventsSLI, RatioSLI, Spec, cell

HALF = Decimal("0.5")
SHORT_WINDOWS = (5 * MINUTE, 30 * MINUTE, 60 * MINUTE)
OUTAGE_STEP = 10 * MINUTE
OLD_MINUTES = 60
ABSENT_MINUTES = 4
ALONE_MINUTES = 4
BIRTH = 69 * MINUTE
BORN = 50_000
"""Bad events with which a series is seen for the first time."""
RATIO_TOLERANCE = Decimal("0.02")


def idle(subject: Subject) -> Case:
    """Before the first event every ratio is empty, not NaN; after the last the short ones are, while the long one keeps what it knew."""
    before, over, end = Decimal(6) * MINUTE, Decimal(16) * MINUTE, Decimal(86) * MINUTE
    every = Look(before, matchers(((names.SLO_ID, sloth_id(subject.slo)),), f'__name__=~"{names.SLI_ERROR_PREFIX}.*"'))
    # A window holds at least a slice, and the last slice that holds an event ends by another one later.
    slice_ = subject.slice or Decimal(0)
    lengths = [length for length in SHORT_WINDOWS if max(length, slice_) + slice_ < end - over]
    empty = [Look(end, selected(names.sli_error(format_duration(length)), subject.slo)) for length in lengths]
    period = format_duration(subject.slo.window)
    # Of an SLO window as short as the idle time there is nothing left to know.
    known = [Look(end, f"{selected(names.sli_error(period), subject.slo)} + 0", _zeros(subject, period))]
    known *= subject.slo.window - slice_ > end - over
    stretches = (Stretch(6, idle=True), Stretch(10), Stretch(75, idle=True))
    # A counter whose growth is looked at is not there while there is nothing to look at, and is rightly called missing.
    there = not any(isinstance(source, Rate) for source in subject.everything())
    awake = any(part.coupling is not None and part.coupling.awake for part in subject.composites)
    ratios = known if awake else (every, *empty, *known)
    return Case("", subject.series(stretches), (*ratios, *_silence(subject, end, absent_too=there)))


def restart(subject: Subject) -> Case:
    """Half the errors that may be, while counters begin at zero again and a deploy leaves no target for four minutes: nothing fires."""
    ratio = Decimal(0) if subject.slice else _harmless(subject)
    seen = ratio if subject.reach == 1 else (ratio * subject.reach).quantize(Decimal("0.00000001"))
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
        f"abs({hour} - {seen}) <= bool {seen * 10 * RATIO_TOLERANCE}",
        tuple(
            Sample(recorded(subject, "1h", dict(group)), _one(not number or not ratio))
            for number, group in enumerate(subject.groups)
        ),
    )
    return Case("", subject.series(stretches), (*looks, near))


def newcomer(subject: Subject) -> Case:
    """A target that ran unwatched brings high counters along: its past is no fault of this minute; gauges have none."""
    looks = tuple(look for at in (32, 35, 40, 50) for look in _silence(subject, at * MINUTE))
    return Case("", _brought_along(subject, 28, 26), looks)


def relabelled(subject: Subject) -> Case:
    """The scrape configuration gives a running target another label: all its series begin anew, and what they counted before is no news.

    Nothing says that the old ones are gone: Prometheus does so after two scrapes, and not at all where it was restarted with the label.
    Looked at is when the left end of each short window lies before that.
    """
    old = subject.series((Stretch(OLD_MINUTES),))
    new = (InputSeries(with_label(one.series), one.values) for one in _brought_along(subject, OLD_MINUTES, 20))
    at = (OLD_MINUTES + 3) * MINUTE
    looks = [look for minute in (2, 3, 5, 15) for look in _silence(subject, (OLD_MINUTES + minute) * MINUTE)]
    words = [format_duration(length) for length in windows_of(subject.slo) if length <= LONGEST_RAW_WINDOW]
    looks += [Look(at, f"{selected(names.sli_error(one), subject.slo)} + 0", _zeros(subject, one)) for one in words]
    if isinstance(subject.slo.sli, RatioSLI | EventsSLI):
        counted = f"{selected(names.VALID_EVENTS_5M, subject.slo)} > bool {6 * EVENTS_PER_MINUTE}"
        labels = (cell({**dict(slo_labels(subject.slo)), **dict(group)}) for group in subject.groups)
        looks.append(Look(at, counted, tuple(Sample(matchers(one), "0") for one in labels)))
    return Case("", (*old, *new), tuple(looks))


def first_errors(subject: Subject) -> Case | None:
    """Bad events whose series are born late, with a high count, are errors (sloth#440), and good ones whose series are forgotten and born again are valid.

    Of every value that the SLI counts there is a series. Before, good ones alone are there, and none is missed. None where the series of
    bad ones are there from the start.
    """
    if not _late(subject):
        return None
    pace = BORN // 30
    late, good = _kinds(subject, bad=True), _kinds(subject, bad=False)
    told = dict.fromkeys(late, f"_x{minutes(BIRTH)} {BORN}x20")
    told |= dict.fromkeys(good, f"0x74 stale _x6 {BORN}x8")
    told |= dict.fromkeys(_of(subject, bad=False), f"0 {pace}+{pace}x73 stale _x6 {BORN}x8")
    every = {one.series: one.values for one in subject.series((Stretch(90, events=pace),))}
    series = tuple(InputSeries(name, values) for name, values in (every | told).items())
    before, after, again = (Decimal(at) * MINUTE for at in (66, 72, 84))
    bad = BORN * len(late)
    looks = [
        *_silence(subject, before, absent_too=True),
        _counted(subject, names.BAD_EVENTS_5M, bad, after),
        _counted(subject, names.VALID_EVENTS_5M, bad + 5 * pace, after),
        _counted(subject, names.VALID_EVENTS_5M, BORN * len(good), again),
    ]
    # A series is born in a window at whose left end it was not there yet.
    for window in (length for length in windows_of(subject.slo) if after - BIRTH < length <= LONGEST_RAW_WINDOW):
        word = format_duration(window)
        ratio = selected(names.sli_error(word), subject.slo)
        looks.append(Look(before, f"{ratio} + 0", _zeros(subject, word)))
        wanted = (bad / (bad + window / MINUTE * pace)).quantize(Decimal("0.000001"))
        looks.append(_within(subject, ratio, wanted, after, {names.SLO_WINDOW: word}))
    return Case("", series, tuple(looks))


def each_alone(subject: Subject) -> Case | None:
    """A series of any one value that the SLI counts is enough: each is there alone for a while, and none of the SLI's is called missing."""
    if not _late(subject):
        return None
    kinds = (*_kinds(subject, bad=False), *_kinds(subject, bad=True))
    series = (
        InputSeries(name, f"{f'_x{ALONE_MINUTES * turn} ' if turn else ''}0x{ALONE_MINUTES - 1} stale")
        for turn, name in enumerate(kinds)
    )
    ends = (Decimal(ALONE_MINUTES * turn - 1) * MINUTE for turn in range(1, len(kinds) + 1))
    return Case("", tuple(series), tuple(look for at in ends for look in _silence(subject, at, absent_too=True)))


def reborn(subject: Subject) -> Case | None:
    """A restart forgets the series of bad events; when it is born again, what it had counted before is no part of it.

    Each window is looked at when its left end lies between the restart and the birth: twice as long, it would reach over both.
    A window of a minute or so reaches no birth from there.
    """
    late = _late(subject)
    if not late:
        return None
    until_birth = (ABSENT_MINUTES - ABSENT_MINUTES // 2) * MINUTE
    short = [length for length in windows_of(subject.slo) if until_birth <= length <= LONGEST_RAW_WINDOW]
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
    return _of(subject, bad=True) if _of(subject, bad=False) else frozenset()


def _of(subject: Subject, *, bad: bool) -> frozenset[str]:
    """Counters of bad events alone, or of good ones, of the failing group."""
    counters = (source for source in subject.sources if isinstance(source, Counter))
    return frozenset(source.series for source in counters if source.bad is bad)


def _kinds(subject: Subject, *, bad: bool) -> tuple[str, ...]:
    """As `_of`, with a series for every value that counts as such."""
    counters = (source for part in subject.parts for source in part.sources if isinstance(source, Counter))
    return tuple(dict.fromkeys((*sorted(_of(subject, bad=bad)), *(one.series for one in counters if one.bad is bad))))


def _counted(subject: Subject, record: str, events: int, at: Decimal) -> Look:
    """Five minutes count so many events in the failing group."""
    return _within(subject, selected(record, subject.slo), Decimal(events), at, {})


def _within(subject: Subject, series: str, value: Decimal, at: Decimal, more: Mapping[str, str]) -> Look:
    """A recorded value of the failing group lies within a hundredth of this one, and that of the other group does not."""
    labels = {**dict(slo_labels(subject.slo)), **more}
    told = tuple(
        Sample(matchers(cell({**labels, **dict(group)})), _one(not number))
        for number, group in enumerate(subject.groups)
    )
    return Look(at, f"abs({series} - {value}) <= bool {value / 100}", told)


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
        if subject.limit(window) < 1:
            name = burn_alert_name(subject.slo, window.severity)
            labels = fired_labels(subject, window)
            texts = alert_annotations(spec, subject.slo, window, name)
            found[name] += (
                Fired(cell(labels), tuple((key, filled(text, labels, subject.reach)) for key, text in texts)),
            )
    looks = tuple(AlertLook(at, name, fired) for name, fired in found.items())
    return Case("", subject.series((Stretch(int(at / MINUTE), Decimal(1)),)), (), looks)


def filled(text: str, labels: Mapping[str, str], value: Decimal = Decimal(1)) -> str:
    """A text with what Prometheus fills in: labels, nothing where there is none, and a value, which is everything as a rule."""
    text = text.replace("{{ $value | humanizePercentage }}", f"{float(value * 100):.4g}%")
    text = re.sub(r"\{\{ \$labels\.(\w+) \| urlquery \}\}", lambda found: quote_plus(labels.get(found[1], "")), text)
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels.get(found[1], ""), text)


def _silence(subject: Subject, at: Decimal, *, absent_too: bool = False) -> tuple[Look, ...]:
    """No alert of the SLO fires or is about to; with `absent_too` not even the one that asks for missing series."""
    mine = ((names.SLO_ID, sloth_id(subject.slo)),)
    more = () if absent_too else (f'alertname!="{absence.SLI_ABSENT}"',)
    return (Look(at, "ALERTS" + matchers(mine, *more)),)


def _zeros(subject: Subject, word: str) -> tuple[Sample, ...]:
    return tuple(Sample(recorded(subject, word, dict(group)), "0") for group in subject.groups)


def _harmless(subject: Subject) -> Decimal:
    least = min((subject.limit(window) for window in subject.slo.windows), default=subject.slo.error_budget)
    return (min(least, Decimal(1)) * HALF).quantize(Decimal("0.000001"))


def _brought_along(subject: Subject, unseen: int, lasting: int) -> tuple[InputSeries, ...]:
    """Its series as a target shows them that was not scraped for so many minutes and then is for others: they are far on; gauges have no past."""
    told = subject.series((Stretch(lasting),))
    late = subject.series((Stretch(unseen, gone=True), Stretch(lasting)))
    return tuple(
        one if one.values.startswith("_") else _with_past(other, unseen + 1, lasting)
        for one, other in zip(late, told, strict=True)
    )


def _with_past(entry: InputSeries, unseen: int, lasting: int) -> InputSeries:
    """A counter that was not scraped for so many samples: unseen, then far on."""
    first, _, rest = entry.values.partition(" ")
    if first != "0":  # native histograms begin anew
        return InputSeries(entry.series, f"_x{unseen} {entry.values}")
    step = int(rest.split("+")[1].split("x")[0])
    high = 3_000_000 + 40 * step
    return InputSeries(entry.series, f"_x{unseen} {high}+{step}x{lasting - 1}")


def _one(yes: bool) -> str:
    return "1" if yes else "0"
