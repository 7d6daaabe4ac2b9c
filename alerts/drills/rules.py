"""The rules that a drill's Prometheus loads: everything that may speak in production, scaled. Pure."""

from __future__ import annotations

from alerts.catalogue.load import load_catalogue
from alerts.catalogue.rules import catalogue_rules
from alerts.model import RuleFile
from alerts.rules import rule_file
from slo.spec import Spec


def drilled_rules(spec: Spec, scale: int) -> RuleFile:
    """The spec's rules and those of the catalogue, every duration divided by `scale`."""
    files = (rule_file(spec, scale), *catalogue_rules(load_catalogue(), spec, scale).values())
    return RuleFile(spec.service, tuple(group for file in files for group in file.groups))
