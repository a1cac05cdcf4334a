"""Why a message was read as it was: a machine name for each deciding rule, and its sentence for people."""

from __future__ import annotations

__all__ = ["REASONS"]

#: name -> one sentence for people (sections are those of the format catalogue)
REASONS: dict[str, str] = {
    # empty
    "missing": "The message has neither text nor caption.",
    "blank": "Nothing is left of the text when invisible characters and white space are gone.",
    # not_signal
    "too_long": "The text is longer than any signal and was not read.",
    "test.message": "The text calls itself, its order or its channel a test or an example (section 8).",
    "test.alone": "A clause says nothing but that this is a test (section 8).",
    "test.simulated": "The text calls its signal simulated or not real (section 8).",
    "test.heading": "A line begins with the heading test or example (section 8).",
    "no_ticker": "No ticker is named (section 4).",
    "no_prices": "A ticker is named, but no label gives it a price (section 3).",
    "incomplete.entry_alone": "There is an entry price without target, stop, or a labelled asset (section 7).",
    "incomplete.no_entry": "There is no entry price, and not both a target and a stop with colons (section 7).",
    # cancel (section 9.2)
    "cancel.participle": "An operation or order is said to be cancelled.",
    "cancel.verb": "The reader is told to cancel.",
    "cancel.disregard": "The reader is told to disregard the signal.",
    "cancel.ignore": "The reader is told to ignore the signal.",
    "cancel.withdraw": "The reader is told to withdraw the order.",
    "cancel.withdrawn": "The order was withdrawn.",
    "cancel.no_effect": "The signal is said to be without effect.",
    # result (sections 9.3 and 9.5)
    "result.target_hit": "A target was hit.",
    "result.level_reached": "The price reached a target or stop.",
    "result.stop_hit": "The stop was triggered.",
    "result.stopped": "The trade was stopped.",
    "result.closed": "The trade was closed.",
    "result.partial_taken": "A partial profit was taken.",
    "result.we_closed": "The channel closed its trade.",
    "result.at_zero": "The trade was left at its entry price.",
    "result.exit": "An exit is told.",
    "result.gain_taken": "A profit was realised.",
    "result.percentage": "A percentage with a sign or an outcome stands beside a level (section 9.5).",
    "result.check_mark": "A check mark stands behind a target (section 9.5).",
    "result.outcome_word": "A block without stop speaks of a result, profit or loss (section 9.5).",
    "result.current_price": "A block without stop gives the current price (section 9.5).",
    # update (section 9.4)
    "update.stop_moved": "The stop is moved.",
    "update.adjust": "The reader is told to adjust a level or the order.",
    "update.changed": "A level or the order was changed.",
    "update.new_stop": "A new stop is given.",
    "update.new_target": "A new target is given.",
    "update.new_entry": "A new entry price is given.",
    "update.stop_placed": "The stop is put to the entry price.",
    "update.close": "The reader is told to close the position.",
    "update.leave": "The reader is told to leave the position.",
    "update.take_partial": "The reader is told to take a part of the profit.",
    "update.reduce": "The reader is told to reduce the position.",
    "update.filled": "The entry was filled.",
    "update.second_half": "The levels of an earlier message that named side and ticker (section 14.3).",
    "update.correction": "A correction names a ticker without a complete signal (section 8).",
    # signal
    "order_at_market": "A line is an order at market (section 13.4).",
    "complete_block": "A block names an asset and enough prices (section 7).",
}
