"""`python -m alerts.catalogue [ALERT…]`: break every rule of the catalogue in every way, and say which breaks no story noticed."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from alerts.catalogue import load_catalogue
from alerts.catalogue.mutants import mutants
from alerts.catalogue.trial import UNNOTICED_FILE, find_promtool, load_unnoticed, surprises, survivors
from slo.load import SPECS_FOLDER, load_spec
from slo.quantities import how_many

LEAST = 0.95


def main(arguments: list[str]) -> int:
    """Print the score; 0 when at least 95 % of the mutants were noticed and the rest is listed with its reason, 1 when not, 2 for an unknown alert."""
    parser = argparse.ArgumentParser(prog="python -m alerts.catalogue", description=__doc__)
    parser.add_argument("alerts", nargs="*", metavar="ALERT", help="default: every alert of the catalogue")
    chosen = parser.parse_args(arguments).alerts
    spec = load_spec(SPECS_FOLDER / "courtsight.yaml")
    entries = [one for one in load_catalogue().of(spec.deployment) if not chosen or one.name in chosen]
    if set(chosen) - {one.name for one in entries}:
        print(f"no such alert: {', '.join(sorted(set(chosen) - {one.name for one in entries}))}", file=sys.stderr)
        return 2
    promtool = find_promtool()
    if promtool is None:
        print("promtool is missing: run make setup, or install the package prometheus", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        left = [name for found in pool.map(lambda one: survivors(one, spec, promtool), entries) for name in found]
    made = [mutant.name for entry in entries for mutant in mutants(entry, spec)]
    listed, tried = load_unnoticed(), len(made)
    for name in left:
        print(f"not noticed  {name}" + (f" ({listed[name]})" if name in listed else ""))
    print(
        f"{how_many(len(entries), 'alert')}, {how_many(tried, 'mutant')}, {tried - len(left)} noticed: {(tried - len(left)) / tried:.1%}"
    )
    found = surprises(left, made, listed, (entry.name for entry in entries))
    for surprise in found:
        print(f"{surprise} (mend the story, or {UNNOTICED_FILE.name})", file=sys.stderr)
    too_few = not chosen and tried - len(left) < LEAST * tried
    return 1 if found or too_few else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
