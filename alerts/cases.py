"""The cases in which an alert of a pair of windows must speak or keep silent: traffic, and what has to be seen when.

Each case is worked out from the spec's numbers (`slo.budget`), not from the rules, so that a rule that strays from them fails it.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from alerts.lint import lonely_failure_events
from alerts.looks import Case, Look, Sample, fired, firing, minutes, pending, recorded, rounded_up
from alerts.ratios import LONGEST_RAW_WINDOW, selected
from alerts.subjects import Subject
from alerts.traffic import MINUTE, Stretch
from slo import names
from slo.budget import burn_rate_factor, detection_seconds, firing_ratio
from slo.quantities import format_duration, format_number
from slo.spec import Window

SPIKE_MINUTES = 4
UNDER, OVER = Decimal("0.99"), Decimal("1.01")
HALF = Decimal("0.5")
SIX_DECIMALS = Decimal("0.000001")
QUIET_STEPS = 6
"""Evaluations before a lonely failure."""
BURST = 4
"""Times the limit that a burst burns at, where that is not more than everything."""


def fire(subject: Subject, window: Window, step: Decimal) -> Case:
    """After a clean long window a fault: silent until predicted, firing within one evaluation, silent again after its end.

    The error ratio is chosen so that the prediction lies in the middle of an evaluation step: there it does not matter whether a range
    counts the sample on its left end (Prometheus 2 does, 3 does not). Where that ratio would exceed one, it is a total outage.
    """
    if firing_ratio(subject.slo, window) >= 1:
        return never(subject, window, step)
    ratio, last_silent, first_firing = _prediction(subject, window, step)
    clean = Stretch(minutes(window.long))
    fault = Stretch(minutes(first_firing + 2 * step), ratio)
    short = _short(subject, window)
    after = Stretch(minutes(short + 4 * step))
    ended = (clean.minutes + fault.minutes) * MINUTE
    # A slice that ends with the fault's last sample may still be bad, hence one evaluation more.
    clear = rounded_up(short, step) + (2 if subject.slice else 1) * step
    held = _held(subject, window, step, ratio)
    looks = (
        Look(window.long + last_silent, firing(subject, window)),
        Look(window.long + first_firing, firing(subject, window), (fired(subject, window),)),
        *(Look(ended + length, firing(subject, window), (fired(subject, window),)) for length in held),
        Look(ended + clear, firing(subject, window)),
    )
    return Case("", subject.series((clean, fault, after)), looks)


def never(subject: Subject, window: Window, step: Decimal) -> Case:
    """An alert that cannot fire stays silent through an outage as long as its long window and its `for`."""
    length = rounded_up(window.long + window.hold, step) + 2 * step
    looks = (Look(length, firing(subject, window)),)
    return Case("", subject.series((Stretch(minutes(length), Decimal(1)),)), looks)


def spike(subject: Subject, window: Window, step: Decimal) -> Case:
    """A short spike that spends 99 % of what firing takes: the short window is over the limit, the long one is not."""
    limit = firing_ratio(subject.slo, window)
    clean = _clean(window)
    if subject.slice is not None:
        # One slice less, as that which begins with the last bad sample may be bad too.
        bad = max(Decimal(0), (limit * window.long / step).to_integral_value(ROUND_FLOOR) - 1) * step
        clean, length, ratio = window.long, max(bad, step), Decimal(1) if bad else Decimal(0)
    else:
        spent = UNDER * min(limit, Decimal(1))
        length = rounded_up(max(SPIKE_MINUTES * MINUTE, spent * clean / (1 - spent)), step)
        if clean + length > window.long:
            clean, length = window.long, rounded_up(max(SPIKE_MINUTES * MINUTE, spent * window.long), step)
        # What is clean and what fails make up the window that is seen.
        ratio = (spent * min(window.long, clean + length) / length).quantize(SIX_DECIMALS, rounding=ROUND_FLOOR)
    end = clean + length
    stretches = (Stretch(minutes(clean)), Stretch(minutes(length), ratio), Stretch(minutes(3 * step)))
    looks = [Look(at, pending(subject, window)) for at in (end, end + step)]
    if window.long <= LONGEST_RAW_WINDOW and ratio * min(length, window.short) > limit * OVER * _short(subject, window):
        looks.append(_over_limit(subject, window, window.short, end))
    return Case("", subject.series(stretches), tuple(looks))


def calm_again(subject: Subject, window: Window, step: Decimal) -> Case:
    """A burst has put the long window over the limit; one percent under it in the short window is silence."""
    limit = firing_ratio(subject.slo, window)
    short = _short(subject, window)
    if subject.slice is not None:
        few = (min(limit, Decimal(1)) * short / step).to_integral_value(ROUND_FLOOR) * step
        length = rounded_up(short, step)
        tail = (Stretch(minutes(length + 2 * step)), Stretch(minutes(few), Decimal(1)))
        stretches = (Stretch(minutes(length), Decimal(1)), *(one for one in tail if one.minutes))
    else:
        length = rounded_up(short, step)
        burst = min(Decimal(1), BURST * limit)
        steady = min(Decimal(1), limit) * UNDER
        stretches = (Stretch(minutes(length), burst), Stretch(minutes(length + 2 * step), steady))
    end = sum(stretch.minutes for stretch in stretches) * MINUTE
    looks = [Look(end, pending(subject, window))]
    if subject.slice is None and limit < 1:
        looks.append(_over_limit(subject, window, window.long, end))
    return Case("", subject.series(stretches), tuple(looks))


def just_over(subject: Subject, window: Window, step: Decimal) -> Case:
    """A steady error ratio one percent above the limit fires, where there is such a ratio."""
    length = rounded_up(2 * window.short + window.hold, step) + 2 * step
    ratio = firing_ratio(subject.slo, window) * OVER
    samples = (fired(subject, window),) if ratio <= 1 else ()
    steady = Stretch(minutes(length), min(Decimal(1), ratio))
    return Case("", subject.series((steady,)), (Look(length, firing(subject, window), samples),))


def lonely(subject: Subject, window: Window, step: Decimal) -> Case:
    """A failure in little traffic: silent under `least_events`, and without that guard among twice the events that lint names."""
    least = subject.slo.least_events
    if least:
        before = (Stretch(minutes(window.long), idle=True),)
        failing = Stretch(minutes(step), Decimal(1), events=max(1, least // 3 // minutes(step)))
    else:
        before = (Stretch(minutes(QUIET_STEPS * step), events=_quiet_events(subject, window, QUIET_STEPS * step)),)
        failing = Stretch(1, Decimal(1), events=1)
    after = Stretch(minutes(4 * step) - failing.minutes, idle=True)
    start = before[0].minutes * MINUTE
    looks = [Look(rounded_up(start, step) + step * count, pending(subject, window)) for count in (1, 2, 3)]
    return Case("", subject.series((*before, failing, after)), tuple(looks))


def few_bad(subject: Subject, window: Window, step: Decimal) -> Case | None:
    """Enough valid events in a minute, and fewer bad ones than `least_events`: it is the valid ones that the guard counts.

    None where so few bad events are not over the limit, or would have left the short window before the alert may fire.
    """
    valid = 2 * subject.slo.least_events
    bad = int(valid * firing_ratio(subject.slo, window) * 2) + 1
    fires = rounded_up(window.hold, step) + step
    if bad > subject.slo.least_events * HALF or fires + step > window.short or subject.slice is not None:
        return None
    burst = Stretch(1, Decimal(bad) / valid, events=valid)
    idle = minutes(rounded_up(window.long, step) + step)
    stretches = (Stretch(idle - 1, idle=True), burst, Stretch(minutes(fires + step), idle=True))
    look = Look(idle * MINUTE + fires, firing(subject, window), (fired(subject, window),))
    return Case("", subject.series(stretches), (look,))


def _held(subject: Subject, window: Window, step: Decimal, ratio: Decimal) -> tuple[Decimal, ...]:
    """Seconds after a fault in which its end has not cleared the short window by half; none where an evaluation is longer."""
    over = _short(subject, window) * (1 - firing_ratio(subject.slo, window) / ratio) - (subject.slice or 0)
    length = (over * HALF / step).to_integral_value(ROUND_FLOOR) * step
    return (length,) if length >= step else ()


def _quiet_events(subject: Subject, window: Window, length: Decimal) -> int:
    """Events in a minute that make, over this length, twice as many as those among which a single failure fires."""
    return int(2 * lonely_failure_events(subject.slo, window) * MINUTE / length) + 1


def _clean(window: Window) -> Decimal:
    """Seconds without errors before a spike: the long window where it is short, a quarter of it where it is not."""
    return window.long if window.long <= LONGEST_RAW_WINDOW else window.long / 4


def _prediction(subject: Subject, window: Window, step: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Error ratio of the fault; seconds into it at which the alert is silent for the last time, and at which it fires."""
    limit, hold = firing_ratio(subject.slo, window), rounded_up(window.hold, step)
    if subject.slice is not None:
        slices = window.long / step
        silent = (limit * slices).to_integral_value(ROUND_FLOOR)
        speaks = (limit * (slices + 1)).to_integral_value(ROUND_FLOOR) + 1
        return Decimal(1), silent * step + hold, speaks * step + hold
    steps = (window.long / step / 4).to_integral_value(ROUND_FLOOR) + Decimal("0.5")
    wanted = limit * window.long / (steps * step)
    ratio = min(Decimal(1), wanted.quantize(SIX_DECIMALS))
    predicted = detection_seconds(subject.slo, window, ratio) or Decimal(0)
    pends = ((predicted - window.hold) / step).to_integral_value(ROUND_FLOOR) * step
    return ratio, pends + hold - step, pends + hold + step


def _short(subject: Subject, window: Window) -> Decimal:
    return max(window.short, subject.slice or window.short)


def _over_limit(subject: Subject, window: Window, length: Decimal, at: Decimal) -> Look:
    """One window alone is over the limit: it is the other one that keeps the alert silent."""
    slo = subject.slo
    limit = f"({format_number(burn_rate_factor(window, slo.window))} * {format_number(slo.error_budget)})"
    word = format_duration(length)
    samples = tuple(
        Sample(recorded(subject, word, dict(group)), "0" if number else "1")
        for number, group in enumerate(subject.groups)
    )
    return Look(at, f"{selected(names.sli_error(word), slo)} > bool {limit}", samples)
