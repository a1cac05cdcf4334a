"""The message grammar: what a text of the channel says, by the format catalogue.

The way of a text through the modules, top down: ``text`` prepares it, ``tokens`` cuts it,
``clauses`` and ``labels`` find its parts (``message`` holds them), ``mentions`` reads what each
label leads to (``links``, ``indices``, ``targets``, with ``prices`` and ``tickers``), ``blocks`` and
``assets`` tell signals apart, ``fields`` and ``validity`` fill them, ``checks`` doubts them, and
``classify`` decides what the message is (``lessons``, ``cancels``, ``phrases``, ``weak_results``,
``event_words``). The word lists are in ``lexicon`` and ``phrasebook``. All of it is pure.
"""

from __future__ import annotations

from .grammar import GRAMMAR_VERSION, MAX_CHARS, read

__all__ = ["GRAMMAR_VERSION", "MAX_CHARS", "read"]
