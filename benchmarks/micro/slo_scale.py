"""What a thousand SLOs cost Prometheus: rules over 30 days of backfilled counts and live targets.

    python benchmarks/micro/slo_scale.py [--slos 1000] [--minutes 10] [--days 30] [--sloth PATH] [--json slo_scale.json]

Half of the SLOs have 99.9 %, half 95 %. Their spec is read from YAML text and their rules written to a file, on the clock. The counts of
the SLO window (one in five minutes) and of the last three days (one in 30 s) are written as blocks, live counters are scraped every 15 s, and Prometheus
evaluates everything for so many minutes. Then it is asked which rules failed, which iterations were missed, and how long groups take. With
`--sloth` the binary makes rules of the same SLOs, and they are counted beside ours; without it Sloth's documented set stands there: eight
error ratios, seven constants and two alerts for each SLO. Asserts nothing; ends with status 1 when a rule failed or an iteration was missed.
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
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2])]

from alerts.emit import rules_yaml  # noqa: E402 - a script finds its neighbours itself
from alerts.model import RuleFile  # noqa: E402 - as above
from alerts.ratios import slo_labels  # noqa: E402 - as above
from alerts.rules import rule_file  # noqa: E402 - as above
from harness.tools import find_tools  # noqa: E402 - as above
from slo import names  # noqa: E402 - as above
from slo.load import parse_spec  # noqa: E402 - as above
from slo.sli import matchers  # noqa: E402 - as above
from slo.spec import Spec  # noqa: E402 - as above
from target import processes  # noqa: E402 - as above
from target.prometheus import connect  # noqa: E402 - as above

TARGETS = 10
BLOCK_SECONDS = 7200
DENSE_SECONDS, DENSE_STEP, SAMPLED_STEP = 3 * 86400, 30, 300
SLOTH_RULES = {"error ratios": 8, "constants": 7, "alerts": 2}
"""By Sloth's documentation, for each SLO."""
TICKS = os.sysconf("SC_CLK_TCK")


def spec_text(slos: int) -> str:
    """A spec of so many SLOs of a shop with as many services."""
    lines = ["spec: courtsight/slo/v1", "service: shop", "owner: shop-team", "window: 30d", "slos:"]
    for number in range(slos):
        requests = f'requests_total{{service="s{number}"'
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


def block_lines(spec: Spec, begin: int, end: int, dense_from: int) -> Iterator[str]:
    """Recorded counts of every SLO between two moments, as OpenMetrics."""
    for suffix, step in ((names.SAMPLED, SAMPLED_STEP), ("", DENSE_STEP)):
        first = begin if suffix else max(begin, dense_from)
        for metric, value in ((names.BAD_EVENTS_5M, 1), (names.VALID_EVENTS_5M, 3000)):
            yield f"# TYPE {metric}{suffix} gauge\n"
            for slo in spec.slos:
                series = metric + suffix + matchers(slo_labels(slo))
                yield from (f"{series} {value} {moment}\n" for moment in range(first, end, step))
    yield "# EOF\n"


def backfill(promtool: Path, spec: Spec, folder: Path, now: int, days: int) -> int:
    """Write blocks up to the last full two hours; gives the number of samples."""
    samples, text = 0, folder / "block.om"
    last = now // BLOCK_SECONDS * BLOCK_SECONDS - BLOCK_SECONDS
    for begin in range(last - days * 86400, last, BLOCK_SECONDS):
        with text.open("w", encoding="ascii") as file:
            for line in block_lines(spec, begin, begin + BLOCK_SECONDS, last - DENSE_SECONDS):
                file.write(line)
                samples += line[0] != "#"
        command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", text, folder / "blocks"]
        subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=300)
    text.unlink()
    return samples


def live_targets(slos: int) -> ThreadingHTTPServer:
    """Counters of every service, in `TARGETS` pages; one error in two thousand."""
    began = time.monotonic()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mine = int(self.path.rsplit("/", maxsplit=1)[1])
            count = int((time.monotonic() - began) * 10)
            lines = ["# TYPE requests_total counter\n"]
            for number in range(mine, slos, TARGETS):
                lines.append(f'requests_total{{service="s{number}",code="200"}} {count}\n')
                lines.append(f'requests_total{{service="s{number}",code="500"}} {count // 2000}\n')
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
    """Prometheus' configuration: our rules, the live targets, Prometheus itself."""
    jobs = [
        {
            "job_name": f"shop{number}",
            "metrics_path": f"/{number}",
            "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
        }
        for number in range(TARGETS)
    ]
    jobs.append(
        {"job_name": "self", "metrics_path": "/metrics", "static_configs": [{"targets": [f"127.0.0.1:{own_port}"]}]}
    )
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "30s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": jobs,
    }


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


def watched(folder: Path, prometheus: Path, slos: int, minutes: float) -> dict[str, Any]:
    """Let Prometheus work for so many minutes and ask it how it went."""
    live = live_targets(slos)
    port = processes.free_port()
    url = f"http://127.0.0.1:{port}"
    (folder / "prometheus.yaml").write_text(json.dumps(configuration(live.server_address[1], port)), encoding="utf-8")
    command = [
        prometheus,
        "--config.file=prometheus.yaml",
        "--storage.tsdb.path=blocks",
        f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=100d",
        "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.max-block-duration=2h",
    ]
    child = processes.start("prometheus", command, log=folder / "prometheus.log", environment={}, folder=folder)
    try:
        ready = processes.wait_until_ready(child, f"{url}/-/ready", deadline_seconds=300)
        before, began = used(child.pid)[0], time.monotonic()
        while time.monotonic() - began < minutes * 60:
            time.sleep(min(15, max(0.1, minutes * 60 - (time.monotonic() - began))))
            print(f"{(minutes - (time.monotonic() - began) / 60):.1f} minutes left", file=sys.stderr)
        seconds, resident = used(child.pid)
        api, now = connect(url), time.time()
        rules = api.rules()
        return {
            "seconds_until_ready": ready,
            "cpu_cores": (seconds - before) / (time.monotonic() - began),
            "resident_mib": resident / 2**20,
            "rules": len(rules),
            "rules_unhealthy": sum(rule.health == "err" for rule in rules),
            "rules_unevaluated": sum(rule.health == "unknown" for rule in rules),
            "iterations_missed": api.value("sum(prometheus_rule_group_iterations_missed_total)", now),
            "evaluation_failures": api.value("sum(prometheus_rule_evaluation_failures_total)", now),
            "slowest_group_seconds": api.value("max(prometheus_rule_group_last_duration_seconds)", now),
            "all_groups_seconds": api.value("sum(prometheus_rule_group_last_duration_seconds)", now),
            "budgets_known": api.value(f"count({names.PERIOD_BUDGET_REMAINING})", now),
            "series": api.value("prometheus_tsdb_head_series", now),
        }
    finally:
        child.stop()
        live.shutdown()


def per_hour(rules: RuleFile) -> float:
    """Samples that the recording rules write in an hour; an alert that is silent writes none."""
    return sum(
        3600 / float(group.interval) * sum(rule in recordings for rule in group.rules)
        for recordings in [set(rules.recordings())]
        for group in rules.groups
    )


def sloths(binary: Path | None, slos: int, folder: Path) -> dict[str, Any]:
    """How many rules and samples an hour Sloth's set for the same SLOs has; it evaluates all of them at one interval, here 30 s."""
    each = sum(SLOTH_RULES.values())
    if binary is None:
        recorded = (each - SLOTH_RULES["alerts"]) * slos
        return {"from": "documentation", "rules": each * slos, "samples_an_hour": recorded * 120}
    entries = [
        f"  - name: s{number}\n    objective: {99.9 if number % 2 else 95}\n    sli:\n      events:\n"
        f'        error_query: sum(rate(requests_total{{service="s{number}",code="500"}}[{{{{.window}}}}]))\n'
        f'        total_query: sum(rate(requests_total{{service="s{number}"}}[{{{{.window}}}}]))\n'
        f"    alerting: {{name: S{number}}}\n"
        for number in range(slos)
    ]
    (folder / "sloth.yaml").write_text(
        "version: prometheus/v1\nservice: shop\nslos:\n" + "".join(entries), encoding="utf-8"
    )
    words = [str(binary.resolve()), "generate", "-i", "sloth.yaml", "-o", "sloth-rules.yaml"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=300)
    lines = (folder / "sloth-rules.yaml").read_text(encoding="utf-8").splitlines()
    recorded = sum(line.lstrip().startswith("- record:") for line in lines)
    alerts = sum(line.lstrip().startswith("- alert:") for line in lines)
    return {"from": str(binary), "rules": recorded + alerts, "samples_an_hour": recorded * 120}


def main() -> int:
    """Run, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slos", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--sloth", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    tools = find_tools(Path(__file__).parents[2])
    if tools.prometheus is None or tools.promtool is None:
        print("prometheus or promtool is missing: run make setup", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        spec, rules, seconds = generated(spec_text(options.slos), folder / "rules.yaml")
        began = time.perf_counter()
        samples = backfill(tools.promtool, spec, folder, int(time.time()), options.days)
        found = {
            "slos": options.slos,
            "minutes": options.minutes,
            "generating_seconds": seconds,
            "backfilled_samples": samples,
            "backfill_seconds": time.perf_counter() - began,
            "ours": {"rules": len(list(rules.rules())), "samples_an_hour": per_hour(rules)},
            "sloth": sloths(options.sloth, options.slos, folder),
            "prometheus": watched(folder, tools.prometheus, options.slos, options.minutes),
        }
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    went = found["prometheus"]
    return 1 if went["iterations_missed"] or went["evaluation_failures"] or went["rules_unhealthy"] else 0


if __name__ == "__main__":
    sys.exit(main())
