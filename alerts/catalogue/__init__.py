"""I hold the alerts that people set by hand, as data, and turn them into rules, tests and a page."""

from alerts.catalogue.load import load_catalogue
from alerts.catalogue.model import Area, Catalogue, Entry
from alerts.catalogue.proof import catalogue_tests
from alerts.catalogue.rules import catalogue_rule, catalogue_rules

__all__ = ["Area", "Catalogue", "Entry", "catalogue_rule", "catalogue_rules", "catalogue_tests", "load_catalogue"]
