"""`courtsight slo export`: a spec of ours as OpenSLO v1, which comes back whole by `import`."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from alerts.yaml_text import document
from harness.slo_commands.import_ import tell
from harness.slo_commands.reading import EXIT_FINE, EXIT_FOUND, as_json
from harness.slo_commands.writing import MARK, OPENSLO_FILES, write_folder
from slo.quantities import how_many

SENTENCE = "write a spec as OpenSLO v1, and say what that holds only nearly"
EXAMPLES = (
    "courtsight slo export slo/specs/examples/shop.yaml",
    "courtsight slo export slo/specs/courtsight.yaml -o openslo --to openslo",
)
HEADER = "# Generated from the SLO spec of {service} by `courtsight slo export`. Change the spec, not this file.\n"
STANDARD_OUTPUT = "-"


def add(parser: argparse.ArgumentParser) -> None:
    """Which spec, and whereto."""
    parser.add_argument("file", type=Path, metavar="SPEC", help="a spec")
    parser.add_argument("-o", "--output", default=STANDARD_OUTPUT, metavar="DIR", help="folder for it; - prints it")
    parser.add_argument("--to", choices=("openslo",), default="openslo", help="format (openslo, version 1)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when anything was lost")
    parser.add_argument("--force", action="store_true", help="write into a folder that holds other files too")


def run(options: argparse.Namespace) -> int:
    """Read, write, tell; 1 under --strict when anything was lost."""
    from slo.exchange.ledger import Fate, Ledger  # noqa: PLC0415 - imported when the command runs
    from slo.exchange.openslo_out import export  # noqa: PLC0415 - as above
    from slo.load import load_spec  # noqa: PLC0415 - as above

    spec = load_spec(options.file)
    ledger = Ledger()
    objects = export(spec, ledger, str(options.file)).objects
    text = HEADER.format(service=spec.service) + "---\n".join(map(document, objects))
    printed = options.output == STANDARD_OUTPUT
    name = f"{spec.service}.openslo.yaml"
    if not printed:
        # By its mark a file says whose it is: the folder may hold what another service exported.
        mark = MARK + f" of {spec.service} ".encode()
        write_folder(Path(options.output), {name: text.encode()}, force=options.force, mark=mark, removes=OPENSLO_FILES)
    if options.json:
        files = {} if printed else {spec.service: str(Path(options.output) / name)}
        shown = {"objects": objects} if printed else {"files": files}
        print(as_json({"findings": [asdict(entry) for entry in ledger.findings], **shown}))
    else:
        tell(ledger.findings)
        said = f"{how_many(len(objects), 'object')} of {how_many(len(spec.slos), 'SLO')} in {Path(options.output) / name}\n"
        print(text if printed else said, end="")
    return EXIT_FOUND if options.strict and ledger.of(Fate.LOST) else EXIT_FINE
