"""The message grammar: what a text of the channel says, by the format catalogue.

The way of a text through the modules, top down:

* ``grammar`` is the door, ``text`` prepares;
* ``tokens`` cuts, with ``prices`` and ``tickers``; ``slips`` voids mistyped figures; ``quantities`` and
  ``clauses`` look at the words around; ``message`` holds the pieces;
* ``labels`` finds labels, ``links`` leads from them to prices, ``indices`` and ``targets`` read target
  labels, ``mentions`` puts together what each label says;
* ``blocks`` tells signals apart, ``assets`` finds what each is about, ``fields`` and ``validity`` fill it,
  ``checks`` doubts it, ``signals`` writes it down;
* ``classify`` decides what the message is, by ``self_declared_tests``, ``cancels``, ``phrases``, ``weak_results``
  and ``event_words``; ``reaching`` says how far a phrase reaches, ``subjects`` whom it speaks of;
* ``events`` describes what is no signal, with ``exits`` and ``percentages``; ``reasons`` says why.

The word lists are data, in ``lexicon`` and ``phrasebook``. All of it is pure.
"""

from __future__ import annotations

from .grammar import GRAMMAR_VERSION, MAX_CHARS, read

__all__ = ["GRAMMAR_VERSION", "MAX_CHARS", "read"]
