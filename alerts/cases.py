"""The cases in which an alert of a pair of windows must speak or keep silent: traffic, and what has to be seen when.

Each case is worked out from the spec's numbers (`slo.budget`), not from the rules, so that a rule that strays from them fails it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from alerts.lint import lonely_failure_events
from alerts.looks import Case, Look, Sample, begun, fired, firing, minutes, pending, recorded, rounded_up
from alerts.ratios import LONGEST_RAW_WINDOW, selected, slo_labels
from alerts.recording import windows_of
from alerts.sources import on_instance
from alerts.subjects import Subject
from alerts.traffic import EVENTS_PER_MINUTE, MINUTE, Counter, InputSeries, Stretch, with_label
from slo import names
from slo.budget import burn_rate_factor, detection_seconds
from slo.quantities import format_duration, format_number
from slo.sli import matchers
from slo.spec import Window, cell

SPIKE_MINUTES = 4
UNDER, OVER = Decimal("0.99"), Decimal("1.01")
HALF, MOST = Decimal("0.5"), Decimal("0.75")
SIX_DECIMALS = Decimal("0.000001")
FEWEST_AT_THE_LIMIT = 1000
"""Bad events in a minute at the limit: one percent more or less is then ten of them, whatever the objective."""
MOST_EVENTS = 10**10
"""Valid events in a minute: over days these are still whole numbers to promtool."""
QUIET_STEPS = 6
"""Evaluations before a lonely failure."""
BLUR = Decimal(1) / 6
"""Of the first mean over five minutes of a fault: its first sample is one of six, and good."""
BURST = 4
"""Times the limit that a burst burns at, where that is not more than everything."""
CLOSE = Decimal("1.08")
"""Times the limit that a share of few slices is at most: a tenth more would hide it."""
ENOUGH = Decimal("1.2")
"""Times `least_events`, of several instances together: none of them has as many alone."""
CROSSING = Decimal("1.4")
"""Times the limit that fills a short window too far, and twice its length not."""


def fire(subject: Subject, window: Window, step: Decimal) -> Case:
    """After a clean long window a fault: silent until predicted, firing within one evaluation, silent again after its end.

    The error ratio is chosen so that the prediction lies in the middle of an evaluation step: there it does not matter whether a range
    counts the sample on its left end (Prometheus 2 does, 3 does not). Where that ratio would exceed one, it is a total outage.
    """
    if subject.limit(window) >= 1:
        return never(subject, window, step)
    ratio, last_silent, first_firing = _prediction(subject, window, step)
    events = events_for(subject.limit(window))
    clean = Stretch(minutes(window.long), events=events)
    fault = Stretch(minutes(first_firing + 2 * step), ratio, events=events)
    short = _short(subject, window)
    after = Stretch(minutes(short + 4 * step), events=events)
    ended = (clean.minutes + fault.minutes) * MINUTE
    # A slice that ends with the fault's last sample may still be bad, hence one evaluation more.
    clear = rounded_up(short, step) + (2 if subject.slice else 1) * step
    held = _held(subject, window, step, ratio)
    looks = (
        Look(window.long + last_silent, firing(subject, window)),
        Look(window.long + first_firing, firing(subject, window), (fired(subject, window),)),
        *(Look(ended + length, firing(subject, window), (fired(subject, window),)) for length in held),
        Look(ended + clear, firing(subject, window)),
        *(_valid(subject, ended + count * step) for count in (1, 2) if subject.slice == step),
    )
    return Case("", subject.series((clean, fault, after)), looks)


def never(subject: Subject, window: Window, step: Decimal) -> Case:
    """An alert that cannot fire stays silent through an outage as long as its long window and its `for`."""
    length = rounded_up(window.long + window.hold, step) + 2 * step
    looks = (Look(length, firing(subject, window)),)
    return Case("", subject.series((Stretch(minutes(length), Decimal(1)),)), looks)


def spike(subject: Subject, window: Window, step: Decimal) -> Case:
    """A short spike that spends 99 % of what firing takes: the short window is over the limit, the long one is not."""
    limit = subject.limit(window)
    spent = UNDER * min(limit, Decimal(1))
    clean, idle = _clean(subject, window), Decimal(0)
    if subject.slice is not None:
        # One slice less, as that which begins with the last bad sample may be bad too.
        bad = max(Decimal(0), (limit * window.long / step).to_integral_value(ROUND_FLOOR) - 1) * step
        clean, length, ratio = window.long, max(bad, step), Decimal(1) if bad else Decimal(0)
    elif (SPIKE_MINUTES + 2) * step < window.long <= LONGEST_RAW_WINDOW and subject.from_counters:
        # Prometheus 2 counts the sample on a range's left end, 3 does not: nothing happens in the first minute of either range that is looked at.
        seen = (window.long // step - 2) * step
        idle = rounded_up(window.long, step) - seen
        length = rounded_up(max(SPIKE_MINUTES * MINUTE, spent * seen), step)
        clean, ratio = seen - length, spent * seen / length
    else:
        length = rounded_up(max(SPIKE_MINUTES * MINUTE, spent * clean / (1 - spent)), step)
        if clean + length > window.long:
            clean, length = window.long, rounded_up(max(SPIKE_MINUTES * MINUTE, spent * window.long), step)
        # What is clean and what fails make up the window that is seen.
        ratio = spent * min(window.long, clean + length) / length
    events = events_for(limit)
    ratio = ratio.quantize(Decimal(1) / events, rounding=ROUND_FLOOR)
    end = idle + clean + length
    quiet = (Stretch(minutes(idle), idle=True), Stretch(minutes(clean), events=events))
    stretches = (
        *(stretch for stretch in quiet if stretch.minutes),
        Stretch(minutes(length), ratio, events=events),
        Stretch(minutes(3 * step), events=events),
    )
    looks = [Look(at, pending(subject, window)) for at in (end, end + step)]
    if window.long <= LONGEST_RAW_WINDOW and ratio * min(length, window.short) > limit * OVER * _short(subject, window):
        looks.append(_over_limit(subject, window, window.short, end))
    return Case("", subject.series(stretches), tuple(looks))


def calm_again(subject: Subject, window: Window, step: Decimal) -> Case:
    """A burst has put the long window over the limit; one percent under it in the short window is silence, until a new burst.

    With that the alert is pending in the same evaluation, not in the next.
    """
    limit = subject.limit(window)
    short, events = _short(subject, window), events_for(limit)
    if subject.slice is not None:
        few = (min(limit, Decimal(1)) * short / step).to_integral_value(ROUND_FLOOR) * step
        length = rounded_up(short, step)
        tail = (Stretch(minutes(length + 2 * step)), Stretch(minutes(few), Decimal(1)))
        stretches = (Stretch(minutes(length), Decimal(1)), *(one for one in tail if one.minutes))
        burst, seen = Decimal(1), min(window.long, 2 * length + 3 * step + few)
        # Half a slice, because the first one of a mean over time holds a good sample; of the first burst a part may have left the long window.
        crossed = few + step * HALF > limit * (short + step) and seen - (length + 2 * step) > limit * (seen + step)
    else:
        length = rounded_up(short, step)
        burst = min(Decimal(1), BURST * limit)
        steady = min(Decimal(1), limit) * UNDER
        crossed = burst > limit * (1 + 2 * (1 - UNDER) * length / step)
        stretches = tuple(
            Stretch(minutes(lasting), ratio, events=events)
            for lasting, ratio in ((length, burst), (length + 2 * step, steady))
        )
    end = sum(stretch.minutes for stretch in stretches) * MINUTE
    looks = [Look(end, pending(subject, window))]
    if subject.slice is None and limit < 1:
        looks.append(_over_limit(subject, window, window.long, end))
    if crossed:
        stretches = (*stretches, Stretch(minutes(step), burst, events=events))
        looks.append(Look(end + step, pending(subject, window), (begun(subject, window),)))
    return Case("", subject.series(stretches), tuple(looks))


def crossed(subject: Subject, window: Window, step: Decimal) -> Case | None:
    """One group is over the limit in the long window, another in the short one: neither of them alone is in both, and that is silence.

    None where there are no groups, or where no such traffic can be.
    """
    limit, length = subject.limit(window), rounded_up(window.short, step)
    burst = limit * CROSSING * window.short / length
    if not subject.slo.group_by or subject.slice is not None or burst > 1:
        return None
    over, rest, events = min(Decimal(1), BURST * limit), length + 2 * step, events_for(limit)
    one = (Stretch(minutes(length), over, events=events), Stretch(minutes(rest), limit * UNDER, events=events))
    other = (Stretch(minutes(rest), events=events), Stretch(minutes(length), burst, events=events))
    end = length + rest
    looks = (
        _over_limit(subject, window, window.long, end),
        _over_limit(subject, window, window.short, end, sick=False),
    )
    return Case("", subject.series(one, other), (*looks, Look(end, pending(subject, window))))


def just_over(subject: Subject, window: Window, step: Decimal) -> Case:
    """A steady error ratio one percent above the limit fires, where there is such a ratio."""
    length = rounded_up(2 * window.short + window.hold, step) + 2 * step
    limit = subject.limit(window)
    ratio = limit * OVER
    samples = (fired(subject, window),) if ratio <= 1 else ()
    steady = Stretch(minutes(length), min(Decimal(1), ratio), events=events_for(limit))
    return Case("", subject.series((steady,)), (Look(length, firing(subject, window), samples),))


def slices(subject: Subject, window: Window, step: Decimal) -> Case | None:
    """Of the first time slices ever a share just over the limit is bad, and after some good ones it is just under: pending, and silence.

    So few slices that each of them counts; as many as both windows hold, where there can be so many. None for other kinds.
    """
    limit = subject.limit(window)
    if subject.slice is None or subject.components or limit >= HALF:
        return None
    bad, among = next(
        (count, of) for count in itertools.count(1) if count < (of := _slices_over(count, limit)) * limit * CLOSE
    )
    # A gauge's evaluation at the very beginning sees a slice too, and the one after the last bad sample may hold that sample.
    end, later = (among - (0 if subject.from_counters else 1)) * step, _slices_over(bad + 1, limit) * step
    good = Stretch(minutes(later - end) + 1)
    stretches = (Stretch(minutes(end - bad * step)), Stretch(minutes(bad * step), Decimal(1)), good)
    over = Look(end, pending(subject, window), (begun(subject, window),))
    under = Look(later + step, pending(subject, window))
    shares = (_share(subject, length, end, (bad, among, step)) for length in windows_of(subject.slo))
    return Case("", subject.series(stretches), (over, under, *shares))


def _share(subject: Subject, length: Decimal, at: Decimal, seen: tuple[int, int, Decimal]) -> Look:
    """What is recorded of a window over slices of which the last ones alone are bad: those that it holds, not the mean of some shares.

    A slice on its left end belongs to it or not.
    """
    bad, among, step = seen
    held = int(max(length, subject.slice or length) / step)
    ratios = [Decimal(min(bad, count)) / count for count in (min(among, held), min(among, held + 1))]
    low, high = (value.quantize(SIX_DECIMALS) for value in (min(ratios) / OVER, max(ratios) * OVER))
    word = format_duration(length)
    samples = tuple(
        Sample(recorded(subject, word, dict(group)), "0" if number else "1")
        for number, group in enumerate(subject.groups)
    )
    series = selected(names.sli_error(word), subject.slo)
    return Look(at, f"({series} >= bool {low}) * ({series} <= bool {high})", samples)


def slices_under(subject: Subject, window: Window, step: Decimal) -> Case | None:
    """Bad slices have put the long window over the limit; after a time without any, of a few a share just under it is bad: silence.

    None for other kinds, and where the short window holds too few for such a share.
    """
    limit = subject.limit(window)
    if subject.slice is None or subject.components or limit >= HALF:
        return None
    bad, among = next(
        (count, of) for count in itertools.count(1) if (of := int(count / limit) + 1) * limit < count * CLOSE
    )
    if (among + 1) * step > window.short:
        return None
    # A gauge is gone meanwhile: the mean of a slice that begins with its last NaN would be none.
    quiet, counted = minutes(window.short + 2 * step), subject.from_counters
    burst, rest = Stretch(minutes(window.short), Decimal(1)), Stretch(quiet, idle=counted, gone=not counted)
    few = (Stretch(minutes((among - bad) * step)), Stretch(minutes(bad * step), Decimal(1)))
    end = sum(stretch.minutes for stretch in (burst, rest, *few)) * MINUTE
    looks = (_over_limit(subject, window, window.long, end), Look(end, pending(subject, window)))
    return Case("", subject.series((burst, rest, *few)), looks)


def _slices_over(bad: int, limit: Decimal) -> int:
    """The most slices of which so many bad ones are more than the limit."""
    return int((bad / limit).to_integral_value(ROUND_CEILING)) - 1


def lonely(subject: Subject, window: Window, step: Decimal) -> Case:
    """A failure in little traffic: silent under `least_events`, and without that guard among twice the events that lint names."""
    least = subject.slo.least_events
    guarded = least > 1  # the failure is an event, too: there is always one
    before: tuple[Stretch, ...]
    if guarded:
        # There was traffic enough, but before the long window: whoever counts over a longer one takes it for reason enough.
        before = (Stretch(minutes(step), events=least), Stretch(minutes(window.long + step), idle=True))
        few = max(1, least // 3)
        lasts = min(few, minutes(step))
        failing = Stretch(lasts, Decimal(1), events=few // lasts)
    else:
        before = (Stretch(minutes(QUIET_STEPS * step), events=_quiet_events(subject, window, QUIET_STEPS * step)),)
        failing = Stretch(1, Decimal(1), events=1)
    after = Stretch(minutes(4 * step) - failing.minutes, idle=True)
    start = sum(stretch.minutes for stretch in before) * MINUTE
    looks = [Look(rounded_up(start, step) + step * count, pending(subject, window)) for count in (1, 2, 3)]
    strange = _strangers(subject, minutes(step), minutes(start), minutes(looks[0].at)) if guarded else ()
    return Case("", (*subject.series((*before, failing, after)), *strange), tuple(looks))


def _strangers(subject: Subject, early: int, start: int, seen: int) -> Iterator[InputSeries]:
    """Other series of what counts as valid, which say nothing of the window, in minutes until which they were there, or from which they are.

    Whoever looks back too far takes those that are gone for born; nobody knows how old those of a new target are; and those of one that
    gets another label when it is looked at are as old as the target.
    """
    many = 2 * subject.slo.least_events
    gone, new = f"{many}x{early} stale", f"_x{start} {many}x4"
    here = {source.series for source in (*subject.sources, *subject.well)}
    found = (source.series for part in subject.parts for source in part.sources if isinstance(source, Counter))
    yield from (InputSeries(series, gone) for series in dict.fromkeys(found) if series not in here)
    for part in subject.parts[:1]:
        for source in part.sources:
            yield InputSeries(on_instance(source, "new").series, new)
            known = on_instance(source, "known").series
            yield InputSeries(known, f"{many}x{seen - 1}")
            yield InputSeries(with_label(known), f"_x{seen} {many}x4")


def few_bad(subject: Subject, window: Window, step: Decimal) -> Case | None:
    """Enough valid events in a minute, and fewer bad ones than `least_events`: it is the valid ones that the guard counts.

    Where the alert may fire only when these have left the short window, one more fails each minute. None where so few bad events are not
    over the limit, or are not few.
    """
    least, fires = subject.slo.least_events, rounded_up(window.hold, step) + step
    valid = int(ENOUGH * least)
    bad = int(valid * subject.limit(window) * 2) + 1
    long_after = minutes(fires + step)
    lasts = fires + step <= window.short
    if bad + (0 if lasts else long_after) > least * HALF or subject.slice is not None:
        return None
    burst = Stretch(1, Decimal(bad) / valid, events=valid)
    idle = minutes(rounded_up(window.long, step) + step)
    after = Stretch(long_after, idle=True) if lasts else Stretch(long_after, Decimal(1), events=1)
    stretches = (Stretch(idle - 1, idle=True), burst, after)
    look = Look(idle * MINUTE + fires, firing(subject, window), (fired(subject, window),))
    # On several instances, none of which has enough of them alone.
    return Case("", subject.everywhere(stretches), (look,))


def events_for(limit: Decimal) -> int:
    """Valid events in a minute, so many that a ratio one percent off this one is another number of bad ones."""
    events = EVENTS_PER_MINUTE
    while events * limit < FEWEST_AT_THE_LIMIT and events < MOST_EVENTS:
        events *= 10
    return events


def _held(subject: Subject, window: Window, step: Decimal, ratio: Decimal) -> tuple[Decimal, ...]:
    """Seconds after a fault in which its end has not yet cleared the short window: three quarters; none where an evaluation is longer."""
    over = _short(subject, window) * (1 - subject.limit(window) / ratio) - (subject.slice or 0)
    length = (over * MOST / step).to_integral_value(ROUND_FLOOR) * step
    return (length,) if length >= step else ()


def _quiet_events(subject: Subject, window: Window, length: Decimal) -> int:
    """Events in a minute that make, over this length, twice as many as those among which a single failure fires."""
    return int(2 * lonely_failure_events(subject.slo, window) * MINUTE / length) + 1


def _clean(subject: Subject, window: Window) -> Decimal:
    """Seconds without errors before a spike: the long window where it is short, a part of it where it is not.

    A quarter for events; half for shares of time, whose means over minutes make a short spike look smaller.
    """
    if window.long <= LONGEST_RAW_WINDOW:
        return window.long
    return window.long / (4 if subject.counts else 2)


def _prediction(subject: Subject, window: Window, step: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Error ratio of the fault; seconds into it at which the alert is silent for the last time, and at which it fires."""
    limit, hold = subject.limit(window), rounded_up(window.hold, step)
    if subject.slice is not None:
        slices = window.long / step
        silent = (limit * slices).to_integral_value(ROUND_FLOOR)
        speaks = (limit * (slices + 1)).to_integral_value(ROUND_FLOOR) + 1
        return Decimal(1), silent * step + hold, speaks * step + hold
    steps = (window.long / step / 4).to_integral_value(ROUND_FLOOR) + Decimal("0.5")
    wanted = limit * window.long / (steps * step)
    ratio = min(Decimal(1), wanted.quantize(Decimal(1) / events_for(limit)))
    predicted = detection_seconds(subject.slo, window, ratio * subject.reach) or Decimal(0)
    pends = ((predicted - window.hold) / step).to_integral_value(ROUND_FLOOR) * step
    # Sums of samples and means over time hold the sample on a range's left end as well: among one more, one more may have to be bad.
    exact = subject.counts and not subject.components
    among = window.long if exact and window.long <= LONGEST_RAW_WINDOW else window.long + step
    bad = limit * among / ratio / step + (0 if exact else BLUR)
    speaks = max(pends, bad.to_integral_value(ROUND_FLOOR) * step)
    return ratio, pends + hold - step, speaks + hold + step


def _valid(subject: Subject, at: Decimal) -> Look:
    """A slice counts as one, whatever the slice before it was; of a composite those of its components do."""
    parts = [part for part in subject.leaves if part.slice is not None]
    expr = " or ".join(selected(names.VALID_SLICES, part.slo) for part in parts)
    labels = [(dict(slo_labels(part.slo)), dict(group)) for part in parts for group in part.groups]
    return Look(
        at, expr, tuple(Sample(names.VALID_SLICES + matchers(cell({**own, **group})), "1") for own, group in labels)
    )


def _short(subject: Subject, window: Window) -> Decimal:
    return max(window.short, subject.slice or window.short)


def _over_limit(subject: Subject, window: Window, length: Decimal, at: Decimal, *, sick: bool = True) -> Look:
    """One window alone is over the limit, of the failing group or of the other: it is the other window that keeps the alert silent."""
    slo = subject.slo
    limit = f"({format_number(burn_rate_factor(window, slo.window))} * {format_number(slo.error_budget)})"
    word = format_duration(length)
    samples = tuple(
        Sample(recorded(subject, word, dict(group)), "1" if (number == 0) is sick else "0")
        for number, group in enumerate(subject.groups)
    )
    return Look(at, f"{selected(names.sli_error(word), slo)} > bool {limit}", samples)
