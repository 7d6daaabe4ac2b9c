"""`confidence-eval` and `decline-eval`: their options, read into orders that are then carried out."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from service.commands import confidence_eval, decline_eval
from service.commands.retrieval_eval import paths
from service.deployments.load import HERE, deployment_file, load_deployment
from service.errors import ConfigurationError


def run(options: argparse.Namespace) -> int:
    """Run one of both; the day is today's, because what is in force depends on it.

    Raises:
        ConfigurationError: an option, a file or the deployment is wrong.
    """
    file = deployment_file(options.deployment)
    deployment = load_deployment(file)
    today = datetime.now(UTC).date()
    json = Path(options.json) if options.json else None
    if options.command == "decline-eval":
        declining = decline_eval.Order(
            corpus=paths(options.corpus, "corpus"),
            queries=paths(options.queries, "queries"),
            half=options.half,
            sweep=options.sweep,
            show=_listed(options.show),
            json=json,
        )
        decline_eval.evaluate(declining, deployment, today, time.perf_counter, sys.stdout, sys.stderr)
        return 0
    order = confidence_eval.Order(
        benches=_benches(options),
        categories=_listed(options.categories),
        half=options.half,
        fit_to=HERE / "calibrations" / f"{options.deployment}.yaml" if options.fit else None,
        json=json,
    )
    confidence_eval.evaluate(order, deployment, today, time.perf_counter, sys.stdout, sys.stderr)
    return 0


def _benches(options: argparse.Namespace) -> tuple[confidence_eval.Bench, ...]:
    negatives = options.negatives or ["none"] * len(options.corpus)
    if not len(options.corpus) == len(options.queries) == len(options.qrels) == len(negatives):
        raise ConfigurationError("--corpus, --queries, --qrels and --negatives: give each as often as the others")
    return tuple(
        confidence_eval.Bench(
            paths(corpus, "corpus"), paths(queries, "queries"), paths(qrels, "qrels"), _denied(denied)
        )
        for corpus, queries, qrels, denied in zip(
            options.corpus, options.queries, options.qrels, negatives, strict=True
        )
    )


def _denied(said: str) -> tuple[Path, ...]:
    return () if said == "none" else paths(said, "negatives")


def _listed(said: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in said.split(",") if part.strip())
