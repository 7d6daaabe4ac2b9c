"""What good means, and the judging of numbers against it: spec, names, statistics, verdicts, evidence formats."""
