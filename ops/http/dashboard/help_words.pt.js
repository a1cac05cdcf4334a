// The explanations of the list in Portuguese.

export const words = {
  "help.button": "Ajuda: como ler os sinais",
  "help.title": "Como ler os sinais",
  "help.close": "Fechar",
  "help.line":
    "A linha vai do preço mais baixo ao mais alto: o × é o stop, o bloco é a faixa de entrada, os círculos são os alvos. Um círculo cheio é um alvo que o canal disse ter sido atingido.",
  "help.prices": "Os preços têm exatamente os dígitos da mensagem do canal.",
  "help.ratio":
    "Retorno/risco é quanto se ganha no alvo final por real perdido no stop, a partir do meio da entrada. Fica vazio quando falta um preço ou quando ele é duvidoso.",
  "help.status": "A situação é a que o próprio canal contou depois, em suas mensagens. Só um sinal sem fim pode vencer também pelos preços do mercado, onde o sistema os tem. De início a lista mostra os que ainda valem: nem stopados, cancelados, vencidos ou no último alvo, nem day trades de um pregão que já acabou. Em “Todos” estão os outros também.",
  "help.row":
    "Abra um sinal pela seta à direita: ali estão a mensagem original, quanto operar com o seu capital e as suas anotações.",
  "help.news": "O alto-falante e o sino avisam quando chega um sinal novo, enquanto esta página estiver aberta. Para ser avisado no telefone com a página fechada, há os alertas: o link está no fim da página.",
  "help.files": "Excel e CSV baixam todos os sinais dos filtros escolhidos.",
};
