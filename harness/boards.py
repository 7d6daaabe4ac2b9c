"""`courtsight dashboards-import`: the generated boards into a Grafana that already runs."""

from __future__ import annotations

import argparse

from dashboards.publish import publish, read_token
from harness.project import Project
from harness.subject import checked_url
from slo.errors import InvalidInput, Problem


def import_command(options: argparse.Namespace) -> int:
    """Put every committed board into Grafana; each is created, or overwritten by its uid."""
    project = Project()
    address = checked_url(options.grafana, "--grafana")
    token = read_token(options.token_file)
    boards = sorted((project.root / "dashboards" / "generated").glob("*.json"))
    if not boards:
        raise InvalidInput((Problem("dashboards/generated", None, "", "holds no board", "run: make generate"),))
    for board in boards:
        print(publish(board.read_bytes(), address, token, folder_uid=options.folder, message="courtsight"))
    return 0
