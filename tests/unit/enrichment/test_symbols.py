"""Symbols and assets: the examples in the code hold."""

import doctest

import actors.enrichment.symbols


def test_the_examples_hold() -> None:
    assert doctest.testmod(actors.enrichment.symbols) == (0, 3)
