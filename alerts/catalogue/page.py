"""docs/alerts.md, made from the catalogue: which alerts there are, where they come from, what was corrected, which names are recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alerts.catalogue.compat import Compat
from alerts.catalogue.model import DEPLOYMENTS, Area, Catalogue, Entry, Source
from slo.quantities import format_duration

_HEAD = """\
# Alerts that people set by hand

Burn rates ([slo.md](slo.md)) say that people suffer. These alerts say of what, or what will come next: every alert that the five
requirement documents ask for, and what they forget. `make generate` writes this page, the rules (`alerts/generated/catalogue/`) and
their promtool tests from `alerts/catalogue/*.yaml`; change those.

Documents: 000 courtsight, 001 itb, 002 career, 003 platform, 004 textbook; the number behind the colon is a line. Their `critical` is our
page, their `warning` our ticket. Every alert carries `severity`, `owner` (`<service>-<team>`), `area`, `sloth_service`; who hears of
it stands in [alertmanager.md](alertmanager.md).

## An entry
```yaml
  ErrorRatioHigh:
    summary: Over ${share} of the questions fail        # ${…} is a parameter as people write it
    severity: page
    for: 5m
    team: operations
    exporter: ours                                      # whose series it reads
    parameters: {share: 5%, least: 20}                  # seconds, ratios or counts in the expression
    deployments: {courtsight: {for: 1m}, textbook: {parameters: {share: 1%}}}
    sources: {"001:1954": {deployment: itb, alert: …, expr: …, corrected: …}}   # or `why`, when it is ours
    silenced_by: [DatabaseDown]
    expr: sum(rate(metric{$service,outcome="error"}[5m])) / … > $share          # $service, $namespace, $pods, $parameter
    stories:                                            # at least one that fires and one that does not
      - title: two and a half times as many errors as may be
        series: {'metric{$service,outcome="error"}': +<share*2600>x20 +0x40}    # so many more each minute, for so many minutes
        since: 1m                                       # the expression holds from here …
        until: 24m                                      # … to here; a silent story has `silent: 40m` instead
```
promtool plays every story: nothing before `since`, pending until `for` is over, firing with all labels then, until `until`; without any
series no alert speaks. `python -m alerts.catalogue` breaks each rule in every way (limits by 5 %) and says which break no story noticed: on
21 November 2026 it made 542 for courtsight, of which 98 % were noticed. The rest stands in
`alerts/catalogue/unnoticed.yaml`, each with its reason, and the program compares: a break that is listed and noticed is an error too.
"""


def catalogue_page(catalogue: Catalogue, compats: Iterable[Compat]) -> bytes:
    """The page as bytes."""
    parts = [_HEAD, *(_area(area, catalogue) for area in Area), _corrections(catalogue), _names(tuple(compats))]
    return "\n".join(parts).encode()


def _area(area: Area, catalogue: Catalogue) -> str:
    rows = [_row(entry) for entry in catalogue.entries if entry.area is area]
    head = "| alert | severity, for | fires when | differs in | source |\n|---|---|---|---|---|"
    return "\n".join([f"## {area.value.capitalize()}", head, *rows, ""])


def _row(entry: Entry) -> str:
    hold = format_duration(entry.hold) if entry.hold else "at once"
    link = f"[{entry.name}](runbooks/{entry.name}.md)"
    origin = ", ".join(source.place for source in entry.sources) or f"ours: {entry.why}"
    return f"| {link} | {entry.severity}, {hold} | {_sentence(entry)} | {_differences(entry)} | {origin} |"


def _sentence(entry: Entry) -> str:
    text = entry.summary
    for name, parameter in entry.parameters.items():
        text = text.replace(f"${{{name}}}", parameter.text)
    return text.replace("{{ $labels.", "`").replace(" }}", "`")


def _differences(entry: Entry) -> str:
    found = []
    for deployment, variant in entry.variants.items():
        said = [f"{name} {one.text}" for name, one in variant.parameters.items()]
        said += [f"for {format_duration(variant.hold)}"] if variant.hold else []
        said += [variant.severity.value] if variant.severity else []
        if said:
            found.append(f"{deployment}: {', '.join(said)}")
    without = [name for name in DEPLOYMENTS if name not in entry.variants]
    if without:
        found.append(f"not for {', '.join(without)}")
    return "; ".join(found)


def _corrections(catalogue: Catalogue) -> str:
    lines = ["## What the documents wrote, and what was corrected"]
    for ours, source in sorted(catalogue.sources(), key=lambda pair: (pair[1].place.split(":")[0], _line(pair[1]))):
        published = f"`{source.published}`: `{source.expr}`. " if source.expr else ""
        lines.append(
            f"- **{source.place}** → {ours}. {published}{_capital(source.corrected or 'Taken as it is').rstrip('.')}."
        )
    return "\n".join([*lines, ""])


def _names(compats: tuple[Compat, ...]) -> str:
    head = (
        "## The documents' own metric names\n"
        "`alerts/generated/compat/<deployment>.yaml` records them from ours, so that published rules and boards evaluate; load the file of your\n"
        "deployment beside the others (`rule_files`). A test evaluates every published expression on them. The textbook's document publishes none.\n"
    )
    rows = [row for one in compats for row in _names_of(one)]
    return "\n".join([head, "| document's name | ours |\n|---|---|", *rows, ""])


def _names_of(compat: Compat) -> Iterator[str]:
    for one in compat.renamed:
        origin = f"`{one.origin}`" if one.origin else f"`{one.expr}`"
        yield f"| `{one.name}` ({one.source}) | {origin} |"
    for name, reason in compat.unmapped:
        yield f"| `{name}` ({compat.deployment}) | not mapped: {reason} |"
    for place, _, corrected in compat.published:
        if corrected:
            yield f"| expression at {place} | {corrected} |"


def _line(source: Source) -> int:
    return int(source.place.split(":")[1])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
