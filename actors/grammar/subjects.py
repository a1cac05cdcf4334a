"""Which tickers of its clause a phrase speaks of: `alvo 1 batido em GGBR4, stop acionado em USIM5`."""

from __future__ import annotations

from .clauses import Clause
from .lexicon import words
from .mentions import Mentions
from .message import Message
from .setting import Phrase
from .signals import Candidate
from .tokens import Token, TokenKind

__all__ = ["Part", "Subjects", "assets_of", "owner_of", "tickers_of"]

#: the first token of tickers that share their values, and their names
Part = tuple[int, list[str]]

#: may stand between tickers of which one thing is said
_JOINING = words(
    """
    e and y ou o a os as de da do das dos em na no nas nos in on of tambem tb mais ordem ordens operacao operacoes
    sinal sinais compra venda compras vendas posicao posicoes stop papel ativo
    """
)
#: may stand there with a price or percentage: `zerar GGBR4 em 17,60 e USIM5 em 6,05`
_PRICING = words("para pra por at to")
#: behind a ticker: it is said of that one that it goes on
_GOING_ON = words(
    """
    segue seguem continua continuam mantido mantida mantidos mantidas permanece permanecem fica ficam esta estao
    vai vao ainda aberta abertas ativa ativas
    """
)
_VALUES = frozenset((TokenKind.PRICE, TokenKind.PERCENT, TokenKind.CURRENCY))


class Subjects:
    """Finds the tickers of each phrase; those of a clause are looked for once."""

    def __init__(self, message: Message, phrases: list[Phrase]) -> None:
        self._message = message
        self._found: dict[int, list[list[Part]]] = {}
        self._first: dict[int, int] = {}
        for phrase in phrases:
            self._first.setdefault(phrase.clause.start, phrase.start)

    def of(self, phrase: Phrase) -> tuple[list[Part], int]:
        """Return the tickers that a phrase speaks of, of several those that stand nearest, and where the next stand.

        Tickers that stand before the first phrase of a clause lead: each phrase speaks of those before it. Else
        each speaks of those behind it.
        """
        clause = phrase.clause
        runs = self._found.get(clause.start)
        if runs is None:
            runs = self._found[clause.start] = _runs(self._message, clause)
        if not runs:
            return self._in_front(clause), clause.end
        run = runs[0] if len(runs) == 1 else self._nearest(runs, phrase)
        return run, min(
            (other[0][0] for other in runs if other[0][0] > max(run[-1][0], phrase.end)), default=clause.end
        )

    def of_label(self, clause: Clause, head: int) -> list[str]:
        """Return the tickers that a label at token ``head`` speaks of."""
        parts, _ = self.of(Phrase("", head, head, clause))
        if not parts:
            return []
        return next((names for start, names in reversed(parts) if start <= head), parts[0][1])

    def _in_front(self, clause: Clause) -> list[Part]:
        """Return the ticker of what stands in parentheses behind it: `USIM5 (stop na entrada)`."""
        items, i = self._message.items, clause.start - 2
        ticker = items[i].ticker if i >= 0 and items[i + 1].word == "(" else None
        return [] if ticker is None else [(i, [ticker.name])]

    def _nearest(self, runs: list[list[Part]], phrase: Phrase) -> list[Part]:
        clause = phrase.clause
        leading = runs[0][0][0] < self._first.get(clause.start, phrase.start)
        inside = [run for run in runs if phrase.start <= run[0][0] <= phrase.end]
        if inside:
            return inside[0]
        before = [run for run in runs if run[0][0] < phrase.start]
        behind = [run for run in runs if run[0][0] > phrase.end]
        near = before[-1:] if leading and before else behind[:1] or before[-1:]
        return near[0]


def owner_of(message: Message, i: int) -> str | None:
    """Return the ticker of its clause that the figure at token i is said of; None if the clause names none.

    Of several tickers it is the one before, or the one behind where no ticker stands before.
    """
    clause = message.clause_at(i)
    if not clause.names:
        return None
    if len(clause.names) == 1:
        return next(iter(clause.names))
    items = message.items
    before = reversed(items[clause.start : i])
    tickers = (token.ticker for token in (*before, *items[i : clause.end]))
    return next((ticker.name for ticker in tickers if ticker is not None), None)


def _start_of(items: list[Token], i: int) -> int:
    """Return where the values of the ticker at token i begin: in `30% de GGBR4 e 50% de USIM5` at its percentage."""
    j = i - 1
    while j > 0 and items[j].word in _OF:
        j -= 1
    return j if j >= 0 and items[j].kind is TokenKind.PERCENT else i


_OF = words("de da do em na no of # $")


def _runs(message: Message, clause: Clause) -> list[list[Part]]:
    """Return the tickers of a clause, in runs of which one thing is said, in parts that share values."""
    items = message.items
    several = len(clause.names) > 1
    runs: list[list[Part]] = []
    joined = priced = False
    for i in range(clause.start, clause.end):
        token = items[i]
        if token.ticker is not None:
            name = token.ticker.name
            behind = items[i + 1].word if i + 1 < clause.end else ""
            if several and behind in _GOING_ON:
                joined = False
                continue
            start = _start_of(items, i)
            if not joined:
                runs.append([(start, [name])])
            elif priced:
                runs[-1].append((start, [name]))
            elif name not in runs[-1][-1][1]:
                runs[-1][-1][1].append(name)
            joined, priced = True, False
        elif token.kind in _VALUES:
            priced = True
        elif token.kind is TokenKind.WORD and token.word not in _JOINING and token.word not in _PRICING:
            joined = False
    return runs


def assets_of(message: Message, mentions: Mentions, candidates: list[Candidate]) -> list[str | None]:
    """Return whom a message is about, for phrases whose clause names no ticker."""
    complete = [c.asset.name for c in candidates if c.complete and c.asset is not None]
    named = complete or [c.asset.name for c in candidates if c.asset is not None and c.asset.certain]
    if not named:
        every = list(dict.fromkeys(tickers_of([message.items[i] for i in mentions.tickers])))
        # of several tickers none is said to be meant
        named = every if len(every) == 1 else []
    return [*dict.fromkeys(named)] or [None]


def tickers_of(tokens: list[Token]) -> list[str]:
    """Return the names of the tickers among tokens, in their order."""
    return [token.ticker.name for token in tokens if token.ticker is not None]
