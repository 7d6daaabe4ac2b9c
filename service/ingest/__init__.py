"""Turns files into entries of the corpus: reads them in a child with limits, cuts laws into articles, and publishes the result whole."""
