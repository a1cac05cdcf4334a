"""What a message is: cancel, result, update, test, signal (catalogue, sections 8 and 9)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.grammar import read
from actors.grammar.reasons import REASONS
from engine.model import Event, EventKind, Kind

BLOCK = "\nAtivo: PETR4\nCompra: 22,40\nAlvo 1: 25\nStop: 20"

CANCELS = [
    "Não acionou, operação cancelada",
    "Operação cancelada após o comunicado",
    "Cancelem a ordem se ainda não executou",
    "Cancelar",
    "Atenção pessoal, cancelem agora por favor",
    "Cancelem se ainda não executou",
    "Cancela a ordem!",
    "Desconsiderem",
    "Desconsidera o anterior",
    "Ignorem o sinal anterior",
    "ordem retirada",
    "sinal sem efeito",
    "Ordem de compra cancelada",
    "order cancelled",
    "cancel PETR4",
    "Cancelamento da ordem",
    "PETR4 tirem a ordem do book",
    "A ordem ficará cancelada PETR4",
    "Cancelamos a compra de PETR4",
    "Sinal anulado",
    "Trade abortado",
    "Pessoal, cancela a compra",
    "PETR4, cancela agora, por favor",
    "Retire a ordem",
    "Ordens retiradas",
    "Tirar a ordem do book",
    "Cancelem a ordem se perder 20",
    "Não acionou, entrada cancelada." + BLOCK,
    "Operação cancelada. Alvo 25?",
    "A ordem foi cancelada",
    "PETR4\nCancelado",
]

RESULTS = [
    "PETR4 chegou no alvo 1!",
    "PETR4 stop loss acionado",
    "PETR4 alvo final batido",
    "PETR4 stopada",
    "Stopamos PETR4",
    "Parcial realizada em PETR4",
    "Encerramos PETR4 com lucro",
    "Lucro realizado",
    "Gain realizado",
    "TP1 hit",
    "Target reached",
    "Batemos o alvo!",
    "PETR4 +5% no alvo",
    "PETR4 alvo 1 ✅",
    "PETR4 lucro de 5%",
    "WEGE3 Compra: 36,40 | Atual: 39,10 | +7,4%",
    "A operação foi encerrada",
    "posições zeradas",
    "operação com PETR4 encerrada",
    "bateu 2 alvos",
    "PETR4 alvo 1 atingido",
    "Os alvos foram todos batidos",
    "PETR4 pegou o stop",
    "bateu nos alvos",
    "PETR4 chegou no primeiro alvo",
    "Posição fechada",
    "trades concluídos",
    "Saímos de PETR4",
    "Realizamos PETR4",
    "VALEX570 stop\n-30%",
    "BBDCX162 alvo +21,40%",
    "PETR4 loss de 3%",
    "PETR4 parcial +4%",
    "Objetivo conquistado",
    "target hit",
    "alvo 22,40 atingido",
    "Stop acionado" + BLOCK,
    "PETR4 alvo 2: ✅",
]

UPDATES = [
    "Subir o stop para 30",
    "Stop no zero a zero",
    "PETR4 stop para o preço de entrada",
    "Stop no 0x0",
    "Coloquem stop em breakeven",
    "Sair a mercado",
    "Saiam da operação de PETR4",
    "Novo alvo final PETR4 30",
    "Novo preço de entrada: 30 PETR4",
    "Correção: PETR4 stop 30",
    "Compra executada em PETR4",
    "Executou a compra",
    "Reduzam a mão em PETR4",
    "Realizar parcial",
    "stop mantido PETR4",
    "alvo alterado",
    "ordem prorrogada",
    "por enquanto stop mantido",
    "Atualização PETR4",
    "subam o stop loss",
    "Baixem o stop de WINZ25 para 130.900",
    "movemos o SL",
    "raise stop",
    "alteramos o alvo",
    "ajustem a entrada",
    "stop movido",
    "entrada mantida",
    "novos alvos: 30 e 32",
    "novo stop" + BLOCK,
    "zerem a operação",
    "encerrar posição",
    "fechem as posições",
    "sair da posição",
    "fazer parcial",
    "realizem metade",
    "reduzir posição",
    "ordem acionada",
    "venda ativada",
    "entrada executou",
    "acionou a entrada",
    "stop na entrada",
    "stop em 0x0 PETR4",
    "Correção: alvo de PETR4",
    "ERRATA PETR4",
]

SIGNALS = [
    "Deve subir: alvo 32, stop 29" + BLOCK,
    "Stop acionado em VALE3." + BLOCK,
    "Após o alvo 1, subir stop para a entrada" + BLOCK,
    "Realizar metade no alvo 2" + BLOCK,
    "Ativo: PETR4\nCompra: 30,00\nAlvo 1: 32,00 (realizar metade)\nStop: 29",
    "Ignorem o barulho" + BLOCK,
    "Nova entrada" + BLOCK,
    "Correção" + BLOCK,
    "PETR4 compra 22 alvo 25 stop 20, não vender antes",
    "Novo sinal" + BLOCK,
    "Nova operação" + BLOCK,
    "ERRATA" + BLOCK,
    "Atualização:" + BLOCK,
    "Cancelada a live de VALE3." + BLOCK,
    "Bateu o alvo de VALE3." + BLOCK,
    "Operação cancelada?" + BLOCK,
    "Foi só um teste da média" + BLOCK,
    "teste da resistência" + BLOCK,
    "Ao bater o alvo 1, realizar metade" + BLOCK,
    "Quando bater o alvo 1, stop na entrada" + BLOCK,
    "1º alvo: 30 - zerar a posição" + BLOCK,
    "A ordem será cancelada se abrir acima de 23" + BLOCK,
    "Se perder 20, cancelar a ordem" + BLOCK,
]

CHATTER = [
    "alvo 32 stop 29 com risco ajustado PETR4",
    "PETR4: o objetivo não foi alcançado",
    "a live foi cancelada",
    "A empresa cancela compra de ativos. PETR4",
    "A ordem será cancelada se abrir acima de 1,20 PETR4",
    "Se perder 24,00, cancelar a ordem PETR4",
    "Não cancelem a ordem de PETR4",
    "Não precisa cancelar a ordem",
    "A ordem não foi cancelada",
    "ordem pode ser cancelada PETR4",
    "PETR4: cancelar se não acionar até 12h",
    "Ele cancela a ordem",
    "Vamos cancelar a assinatura",
    "Operação cancelada?",
    "Encerramos o dia",
    "Se subir, stop em 30 PETR4",
    "PETR4 alta de 10-15% no alvo",
    "Teste",
    "TESTE: PETR4 compra 22 alvo 25 stop 20",
    "Exemplo de operação" + BLOCK,
    "Mensagem de teste" + BLOCK,
    "teste do robô" + BLOCK,
    "Só um teste!" + BLOCK,
    "🔥",
    "**",
    "Não subir o stop PETR4",
    "enquanto o stop mantido",
    "ao bater o alvo, zerar a posição",
    "operação com muito risco encerrada",
    "Errata do dia",
    "Buy stop acionado em PETR4",
    "Vão ser canceladas as ordens",
    "Sinal não cancelado",
    "PETR4: se romper cancelar",
    "cancelamento se perder 20 PETR4",
    "seria cancelada a ordem",
    "ordem não está cancelada",
    "A ordem não vai ser cancelada",
    "operação ainda não cancelada",
    "Você cancela a ordem",
    "desconsidera quem fala mal? ",
    "Ignorem o barulho",
    "se a ordem for retirada",
    "not cancelled the order",
    "PETR4 não bateu o alvo",
    "nem bateu o alvo",
    "sem bater o alvo PETR4",
    "será atingido o alvo",
    "once the target is hit",
    "quando o stop for acionado",
    "Bateu o alvo?",
    "alvo com muito risco foi batido",
    "bateu 30, alvo 32 PETR4",
    "alvo de hoje em dia para todos batido",
    "Realizar lucro",
    "caso o stop seja movido PETR4",
    "assim que der, subir o stop",
    "sinal de teste" + BLOCK,
    "Operação de teste" + BLOCK,
    "ordem de teste" + BLOCK,
    "envio de teste" + BLOCK,
    "teste de envio" + BLOCK,
    "teste do bot" + BLOCK,
    "teste do sistema" + BLOCK,
    "teste do canal" + BLOCK,
    "teste da mensagem" + BLOCK,
    "Isso é um teste" + BLOCK,
    "Este sinal é só um teste" + BLOCK,
    "Esta mensagem é apenas um teste" + BLOCK,
    "esse é um teste" + BLOCK,
    "(teste)" + BLOCK,
    "É um teste." + BLOCK,
    "Teste - ignorar" + BLOCK,
    "Exemplo: " + BLOCK,
    "[TESTE]" + BLOCK,
    "exemplo de sinal" + BLOCK,
    "sinal de exemplo" + BLOCK,
]


CASES = [
    *((text, Kind.CANCEL) for text in CANCELS),
    *((text, Kind.RESULT) for text in RESULTS),
    *((text, Kind.UPDATE) for text in UPDATES),
    *((text, Kind.SIGNAL) for text in SIGNALS),
    *((text, Kind.NOT_SIGNAL) for text in CHATTER),
]


@pytest.mark.parametrize(("text", "kind"), CASES)
def test_kind(text: str, kind: Kind) -> None:
    reading = read(text)
    assert reading.kind is kind
    assert reading.reason in REASONS


@pytest.mark.parametrize(("text", "kind"), CASES)
def test_case_and_accents_do_not_matter(text: str, kind: Kind) -> None:
    assert read(text.upper()).kind is kind


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (
            "PETR4 alvo 2 atingido +5,5%",
            Event(kind=EventKind.RESULT, asset="PETR4", target=2, percent=Decimal("5.5")),
        ),
        ("PETR4 alvo final batido", Event(kind=EventKind.RESULT, asset="PETR4", target=0)),
        (
            "Stop acionado em MRVE3, -3%",
            Event(kind=EventKind.RESULT, asset="MRVE3", stop_hit=True, percent=Decimal(-3)),
        ),
        ("TP1 hit" + BLOCK, Event(kind=EventKind.RESULT, asset="PETR4", target=1)),
        (
            "Subir stop de ITUBW338 para 0,91",
            Event(kind=EventKind.UPDATE, asset="ITUBW338", new_stop=Decimal("0.91")),
        ),
        ("Desconsiderem", Event(kind=EventKind.CANCEL, asset=None)),
        ("CANCELADO" + BLOCK, Event(kind=EventKind.CANCEL, asset="PETR4")),
    ],
)
def test_events(text: str, event: Event) -> None:
    assert read(text).events == (event,)


def test_an_event_for_each_asset() -> None:
    assert [event.asset for event in read("Cancelem PETR4 e VALE3").events] == ["PETR4", "VALE3"]
