"""The words of cancel phrases (catalogue, sections 9.2 and 13.6), as data."""

from __future__ import annotations

from .lexicon import words
from .rules import Rule, nouns, participles

__all__ = [
    "CANCEL_ALONE_WORDS",
    "CANCEL_CONDITIONAL",
    "CANCEL_FUTURE",
    "CANCEL_FUTURE_AUXILIARIES",
    "CANCEL_NEGATION_LINKS",
    "CANCEL_NOT_FILLED",
    "CANCEL_NOUNS",
    "CANCEL_PARTICIPLES",
    "CANCEL_PRESENT",
    "CANCEL_RULES",
    "IGNORE",
    "TRADE_NOUNS",
    "WITHDRAW",
    "WITHDRAWN",
]

CANCEL_NOUNS = nouns(
    "operacao ordem sinal entrada compra venda trade order signal setup limit senal orden"
) | words("operacion ordenes")
#: what may be cancelled of a channel besides these: anything else that is named is a company's (assembleia, oferta)
TRADE_NOUNS = (
    CANCEL_NOUNS
    | nouns("recomendacao indicacao sugestao posicao ideia call put opcao acao papel ativo contrato codigo")
    | nouns("montagem trava estrutura estrategia swing scalp daytrade stop alvo gatilho parcial")
)
#: with a noun in the clause, or a ticker in the message
CANCEL_PARTICIPLES = participles("cancelado anulado abortado") | words("cancelamos cancelled canceled")
#: may stand around a cancelling verb that is alone in its clause, and before a form in -a
CANCEL_ALONE_WORDS = words(
    "atencao urgente pessoal gente galera por favor pode podem vamos agora ja tudo isso"
)
#: forms that are news rather than an order unless they begin the clause
CANCEL_PRESENT = words("cancela anula aborta desconsidera ignora retira tira")
#: forms that a condition in the clause makes a plan
CANCEL_CONDITIONAL = words(
    "cancelar anular abortar desconsiderar ignorar retirar tirar cancelamento cancelamentos cancel"
)
_CANCEL_VERBS = words(
    """
    cancelar cancela cancele cancelem anular anula anule anulem abortar aborta aborte abortem
    cancelamento cancelamentos cancel
    """
)
IGNORE = words("ignorar ignora ignore ignorem")
WITHDRAW = words("retirar retira retire retirem tirar tira tire tirem")
WITHDRAWN = participles("retirado")

#: what English and Spanish messages cancel (13.6)
_FOREIGN_NOUNS = nouns("order signal setup trade entry limit senal orden") | words(
    "ordenes operacion operaciones"
)

#: what counts within reach of its noun; a ticker serves as the noun of a cancelling verb
CANCEL_RULES = (
    Rule("cancel.verb", _CANCEL_VERBS, CANCEL_NOUNS),
    Rule("cancel.disregard", words("desconsiderar desconsidera desconsidere desconsiderem")),
    Rule("cancel.ignore", IGNORE, nouns("sinal operacao ordem entrada mensagem")),
    Rule("cancel.withdraw", WITHDRAW, nouns("ordem")),
    Rule("cancel.withdrawn", nouns("ordem"), WITHDRAWN),
    Rule("cancel.no_effect", words("sem"), words("efeito"), adjacent=True),
    # 13.6
    Rule("cancel.verb", words("delete void remove skip"), _FOREIGN_NOUNS, close=True, then_ticker=True),
    Rule("cancel.ignore", words("ignore ignora ignoren"), _FOREIGN_NOUNS, close=True, then_ticker=True),
    Rule("cancel.no_effect", words("setup setups"), words("invalid"), adjacent=True),
)
#: behind one of these in its clause a cancelling verb needs no noun
CANCEL_NOT_FILLED = (
    ("nao", "deu", "entrada"),
    ("nao", "pegou", "entrada"),
    ("nao", "acionou"),
    ("nao", "executou"),
)
#: between `não` and a phrase that it suppresses
CANCEL_NEGATION_LINKS = words(
    """
    ainda para foi foram e sao esta estao sera serao ser vai vamos vou precisa precisam pode podem
    deve devem
    """
)
#: directly before a participle: it has not happened
CANCEL_FUTURE = words("sera serao seria seriam for forem seja sejam")
CANCEL_FUTURE_AUXILIARIES = words("vai vao pode podem")
