"""What a thousand SLOs cost Prometheus: rules over 30 days of backfilled counts and live targets, beside Sloth's where its binary is given.

    python benchmarks/micro/slo_scale.py [--slos 1000] [--minutes 10] [--days 30] [--sloth PATH] [--json slo_scale.json]

Half of the SLOs have 99.9 %, half 95 %. Their spec is read from YAML text and their rules written to a file, on the clock. All that the rules read is written
as blocks first (slo_backfill.py): the counts of the SLO window, one in five minutes, of the last three days one in 30 s, and the counters of the last hour. Then
live counters go on where those end, scraped every 15 s, and Prometheus evaluates everything for so many minutes. At the end it is asked which rules failed,
which iterations were missed, how long groups take, for how many SLOs the budget is known, and how far their 30 days are from the truth.

With `--sloth` the binary makes rules of the same SLOs for a second Prometheus, with the past that those read (the five-minute ratio every 30 s for 30 days, the
counters of three days), on the same targets at the same time. Asserts nothing; ends with status 1 when a rule of ours failed, an iteration was missed, or a
budget is unknown, and when Prometheus cannot tell.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2])]

from slo_backfill import (  # noqa: E402 - a script finds its neighbours itself
    DAY,
    HOUR,
    PATTERNS,
    Track,
    What,
    backfill,
    counted,
    counters_began,
    relative,
    truth,
)

from alerts.emit import rules_yaml  # noqa: E402 - as above
from alerts.model import RuleFile  # noqa: E402 - as above
from alerts.ratios import slo_labels  # noqa: E402 - as above
from alerts.rules import FAST_INTERVAL, SAMPLED_INTERVAL, rule_file  # noqa: E402 - as above
from harness.tools import find_tools  # noqa: E402 - as above
from slo import names  # noqa: E402 - as above
from slo.load import parse_spec  # noqa: E402 - as above
from slo.sli import matchers  # noqa: E402 - as above
from slo.spec import Spec  # noqa: E402 - as above
from target import processes  # noqa: E402 - as above
from target.errors import StackError  # noqa: E402 - as above
from target.prometheus import Prometheus, connect  # noqa: E402 - as above

TARGETS = 10
SCRAPE_SECONDS = 15
EVALUATION_SECONDS = 30
"""Of groups without an interval of their own, which is all that Sloth writes."""
PATIENCE_SECONDS = 120
"""With which Prometheus is asked: its list of 24,000 rules is 20 MB, and the machine is busy."""
TICKS = os.sysconf("SC_CLK_TCK")
COUNTER = "requests_total"


@dataclass(frozen=True, slots=True)
class Watched:
    """A Prometheus at work."""

    name: str
    child: processes.ChildProcess
    url: str
    ready_seconds: float
    used_before: float
    began: float


def spec_text(slos: int) -> str:
    """A spec of so many SLOs of a shop with as many services."""
    lines = ["spec: courtsight/slo/v1", "service: shop", "owner: shop-team", "window: 30d", "slos:"]
    for number in range(slos):
        requests = f'{COUNTER}{{service="s{number}"'
        lines += [
            f"  s{number}:",
            f"    title: Service {number}",
            f"    objective: {'99.9%' if number % 2 else '95%'}",
            f"    events: {{valid: '{requests}}}', bad: '{requests},code=\"500\"}}'}}",
        ]
    return "\n".join(lines) + "\n"


def generated(text: str, path: Path) -> tuple[Spec, RuleFile, float]:
    """The rules of a spec, written to a file, and the seconds from text to file."""
    started = time.perf_counter()
    spec = parse_spec(text.encode(), "scale.yaml")
    rules = rule_file(spec)
    path.write_bytes(rules_yaml(rules))
    return spec, rules, time.perf_counter() - started


def sloth_rules(binary: Path, slos: int, folder: Path) -> tuple[int, int]:
    """Let Sloth write rules of the same SLOs to `rules.yaml`; gives how many recording rules and alerts they are."""
    entries = [
        f"  - name: s{number}\n    objective: {99.9 if number % 2 else 95}\n    sli:\n      events:\n"
        f'        error_query: sum(rate({COUNTER}{{service="s{number}",code="500"}}[{{{{.window}}}}]))\n'
        f'        total_query: sum(rate({COUNTER}{{service="s{number}"}}[{{{{.window}}}}]))\n'
        f"    alerting: {{name: S{number}}}\n"
        for number in range(slos)
    ]
    (folder / "sloth.yaml").write_text(
        "version: prometheus/v1\nservice: shop\nslos:\n" + "".join(entries), encoding="utf-8"
    )
    words = [str(binary.resolve()), "generate", "-i", "sloth.yaml", "-o", "rules.yaml"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=300)
    lines = (folder / "rules.yaml").read_text(encoding="utf-8").splitlines()
    recorded, alerts = (sum(line.lstrip().startswith(f"- {word}:") for line in lines) for word in ("record", "alert"))
    return recorded, alerts


def counter_tracks(slos: int, port: int, since: int) -> tuple[Track, ...]:
    """The past of the live counters, under the labels of their targets."""

    def labels(code: int) -> tuple[str, ...]:
        return tuple(
            f'{{service="s{number}",code="{code}",instance="{processes.LOOPBACK}:{port}",job="shop{number % TARGETS}"}}'
            for number in range(slos)
        )

    return (
        Track(COUNTER, What.GOOD_COUNTER, labels(200), since, SCRAPE_SECONDS),
        Track(COUNTER, What.BAD_COUNTER, labels(500), since, SCRAPE_SECONDS),
    )


def our_tracks(spec: Spec, port: int, now: int, days: int) -> tuple[Track, ...]:
    """All that our rules read."""
    labels = tuple(matchers(slo_labels(slo)) for slo in spec.slos)
    counts = [
        Track(metric + suffix, what, labels, since, int(step))
        for suffix, since, step in (
            (names.SAMPLED, now - days * DAY, SAMPLED_INTERVAL),
            ("", now - 3 * DAY, FAST_INTERVAL),
        )
        for metric, what in ((names.BAD_EVENTS_5M, What.BAD), (names.VALID_EVENTS_5M, What.VALID))
    ]
    return (*counts, *counter_tracks(len(spec.slos), port, now - HOUR - 60))


def sloth_tracks(spec: Spec, port: int, now: int, days: int) -> tuple[Track, ...]:
    """All that Sloth's rules read."""
    labels = tuple(matchers((*slo_labels(slo), (names.SLO_WINDOW, "5m"))) for slo in spec.slos)
    ratio = Track(names.sli_error("5m"), What.RATIO, labels, now - days * DAY, EVALUATION_SECONDS)
    return (ratio, *counter_tracks(len(spec.slos), port, now - 3 * DAY - 60))


def live_targets(slos: int, began: float) -> ThreadingHTTPServer:
    """Counters of every service, in `TARGETS` pages, as if counting since `began`."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mine = int(self.path.rsplit("/", maxsplit=1)[1])
            good, bad = counted(time.time(), began)
            lines = [f"# TYPE {COUNTER} counter\n"]
            for number in range(mine, slos, TARGETS):
                lines.append(f'{COUNTER}{{service="s{number}",code="200"}} {good}\n')
                lines.append(f'{COUNTER}{{service="s{number}",code="500"}} {bad}\n')
            body = "".join(lines).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the benchmark prints what it found."""

    server = ThreadingHTTPServer((processes.LOOPBACK, 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def configuration(port: int, own_port: int) -> dict[str, Any]:
    """Prometheus' configuration: the rules, the live targets, Prometheus itself."""
    jobs = [
        {
            "job_name": f"shop{number}",
            "metrics_path": f"/{number}",
            "static_configs": [{"targets": [f"{processes.LOOPBACK}:{port}"]}],
        }
        for number in range(TARGETS)
    ]
    jobs.append(
        {
            "job_name": "self",
            "metrics_path": "/metrics",
            "static_configs": [{"targets": [f"{processes.LOOPBACK}:{own_port}"]}],
        }
    )
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{EVALUATION_SECONDS}s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": jobs,
    }


def started(name: str, folder: Path, prometheus: Path, live_port: int) -> Watched:
    """A Prometheus over the blocks and rules of its folder."""
    port = processes.free_port()
    (folder / "prometheus.yaml").write_text(json.dumps(configuration(live_port, port)), encoding="utf-8")
    command = [
        prometheus,
        "--config.file=prometheus.yaml",
        f"--storage.tsdb.path={folder}",
        f"--web.listen-address={processes.LOOPBACK}:{port}",
        "--storage.tsdb.retention.time=100d",
        "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.max-block-duration=2h",
    ]
    child = processes.start(name, command, log=folder / "prometheus.log", environment={}, folder=folder)
    url = f"http://{processes.LOOPBACK}:{port}"
    try:
        ready = processes.wait_until_ready(child, f"{url}/-/ready", deadline_seconds=300)
    except BaseException:
        child.stop()
        raise
    return Watched(name, child, url, ready, used(child.pid)[0], time.monotonic())


def used(pid: int) -> tuple[float, int]:
    """Processor seconds and resident bytes of Prometheus; the leash that starts it becomes it, or is its parent."""
    seconds, resident = 0.0, 0
    for process in (pid, *_children(pid)):
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        seconds += (int(fields[11]) + int(fields[12])) / TICKS
        resident += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return seconds, resident


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in listed.read_text(encoding="ascii").split()] if listed.exists() else []


def went(watched: Watched, days: int) -> dict[str, Any]:
    """How it went, by Prometheus' own account; None where it cannot tell."""
    seconds, resident = used(watched.child.pid)
    took, api, now = time.monotonic() - watched.began, connect(watched.url, PATIENCE_SECONDS), time.time()
    rules = api.rules()
    return {
        "seconds_until_ready": watched.ready_seconds,
        "cpu_cores": (seconds - watched.used_before) / took,
        "resident_mib": resident / 2**20,
        "rules": len(rules),
        "rules_unhealthy": sum(rule.health == "err" for rule in rules),
        "rules_unevaluated": sum(rule.health == "unknown" for rule in rules),
        "iterations_missed": api.value("sum(prometheus_rule_group_iterations_missed_total)", now),
        "evaluation_failures": api.value("sum(prometheus_rule_evaluation_failures_total)", now),
        "slowest_group_seconds": api.value("max(prometheus_rule_group_last_duration_seconds)", now),
        "all_groups_seconds": api.value("sum(prometheus_rule_group_last_duration_seconds)", now),
        "samples_queried_a_second": api.value(f"sum(rate(prometheus_engine_query_samples_total[{int(took)}s]))", now),
        "budgets_known": api.value(f"count({names.PERIOD_BUDGET_REMAINING})", now),
        "worst_ratio_off": worst_ratio(api, now, days),
        "series": api.value("prometheus_tsdb_head_series", now),
    }


def worst_ratio(api: Prometheus, now: float, days: int) -> float | None:
    """By how much of the truth the ratio of 30 days is wrong where it is most wrong; live traffic of the last minutes is not in that truth."""
    end = int(now)
    true = [truth(pattern, end - days * DAY, end, int(SAMPLED_INTERVAL)) for pattern in range(PATTERNS)]
    found = api.instant(names.sli_error("30d"), now)
    offs = [
        relative(sample.value, true[int(sample.labels[names.SLO_NAME][1:]) % PATTERNS])
        for sample in found
        if sample.value is not None
    ]
    return max(offs, default=None)


def samples_an_hour(rules: RuleFile) -> float:
    """Samples that the recording rules write in an hour; an alert that is silent writes none."""
    recordings = set(rules.recordings())
    return sum(HOUR / float(group.interval) * sum(rule in recordings for rule in group.rules) for group in rules.groups)


def watch(parties: list[Watched], minutes: float, days: int) -> dict[str, dict[str, Any]]:
    """Wait, telling the time left, and then ask everyone."""
    end = time.monotonic() + minutes * 60
    while (left := end - time.monotonic()) > 0:
        print(f"watching: {left / 60:.1f} minutes left", file=sys.stderr)
        time.sleep(min(15, left))
        for watched in parties:
            if not watched.child.alive():
                raise StackError(f"{watched.name} ended before its time:\n{watched.child.last_lines()}")
    return {watched.name: went(watched, days) for watched in parties}


def measured(options: argparse.Namespace, prometheus: Path, promtool: Path, scratch: Path) -> dict[str, Any]:
    """Backfill, run and ask; leaves no process behind."""
    now = int(time.time())
    folders = {name: scratch / name for name in (["ours", "sloth"] if options.sloth else ["ours"])}
    for folder in folders.values():
        folder.mkdir()
    spec, rules, seconds = generated(spec_text(options.slos), folders["ours"] / "rules.yaml")
    found: dict[str, Any] = {
        "slos": options.slos,
        "minutes": options.minutes,
        "generating_seconds": seconds,
        "ours": {"rules": len(list(rules.rules())), "samples_an_hour": samples_an_hour(rules)},
    }
    if options.sloth:
        recorded, alerts = sloth_rules(options.sloth, options.slos, folders["sloth"])
        found["sloth"] = {"rules": recorded + alerts, "samples_an_hour": recorded * HOUR / EVALUATION_SECONDS}
    live = live_targets(options.slos, counters_began(now))
    port = live.server_address[1]
    tracks = {"ours": our_tracks, "sloth": sloth_tracks}
    parties: list[Watched] = []
    try:
        for name, folder in folders.items():
            wanted = tracks[name](spec, port, now, options.days)
            samples, seconds = backfill(promtool, wanted, folder, now)
            found[name] |= {"backfilled_samples": samples, "backfill_seconds": seconds}
        for name, folder in folders.items():
            parties.append(started(name, folder, prometheus, port))
        for name, figures in watch(parties, options.minutes, options.days).items():
            found[name]["prometheus"] = figures
    finally:
        for watched in parties:
            watched.child.stop()
        live.shutdown()
    return found


def main() -> int:
    """Run, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slos", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=10, help="watch so long; every group has had its turn after 5")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--sloth", type=Path, help="Sloth's binary, whose rules a second Prometheus evaluates beside")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    tools = find_tools(Path(__file__).parents[2])
    if tools.prometheus is None or tools.promtool is None:
        print("prometheus or promtool is missing: run make setup", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        found = measured(options, tools.prometheus, tools.promtool, Path(scratch))
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    ours = found["ours"]["prometheus"]
    zero = ("iterations_missed", "evaluation_failures", "rules_unhealthy", "rules_unevaluated")
    fine = all(ours[name] == 0 for name in zero) and ours["budgets_known"] == options.slos
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
