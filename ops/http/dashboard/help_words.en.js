// The explanations of the list in English.

export const words = {
  "help.button": "Help: how to read the signals",
  "help.title": "How to read the signals",
  "help.close": "Close",
  "help.line":
    "The line goes from the lowest price to the highest: the × is the stop, the block is the entry range, the circles are the targets. A full circle is a target that the channel said was reached.",
  "help.prices": "Prices have exactly the digits of the channel's message.",
  "help.ratio":
    "Reward/risk is what is won at the final target for each real lost at the stop, from the middle of the entry. It is empty when a price is missing or doubtful.",
  "help.status": "The status is what the channel itself told later, in its messages. Only a signal without an end may also expire by the market's prices, where the system has them. At first the list shows what still counts: neither stopped, cancelled, expired nor at the last target, and no day trade of a session that is over. “All” has the others too.",
  "help.row":
    "Open a signal by the arrow on the right: there are the original message, how much to trade with your capital, and your notes.",
  "help.news": "The loudspeaker and the bell tell of a new signal while this page is open. Alerts tell your phone when the page is closed: the link is at the end of the page.",
  "help.files": "Excel and CSV save all signals of the chosen filters.",
};
