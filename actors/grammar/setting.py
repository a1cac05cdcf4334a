"""What a phrase is, and what must be known of a message before its phrases are judged (section 9.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .clauses import Clause

__all__ = ["Phrase", "PhraseContext"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that was found: the rule's name, and its first and last token."""

    reason: str
    start: int
    end: int
    clause: Clause

    @property
    def is_result(self) -> bool:
        """Whether it reports a result (9.3), not an update (9.4)."""
        return self.reason.startswith("result.")


@dataclass(slots=True)
class PhraseContext:
    """What must be known of a message before its phrases are judged (9.1).

    ``assets`` are those of its complete blocks; ``target_lines`` the lines that begin with a target
    label and hold its price, if there is a complete block and an order to the reader; ``indices`` the numbers that are the index
    of a target. ``values`` are the tokens right behind a label and its colon: a phrase that begins there is
    the label's value. ``own`` are the words of labels that have a price or a colon.
    """

    assets: frozenset[str]
    target_lines: frozenset[int]
    indices: frozenset[int]
    has_ticker: bool
    values: frozenset[int] = field(default_factory=frozenset)
    own: frozenset[int] = field(default_factory=frozenset)

    def silences(self, clause: Clause) -> bool:
        """Tell whether no phrase at all counts in a clause."""
        return clause.question or (bool(self.assets) and clause.names_only_others(self.assets))
