-- When another text replaced it, by the gateway's time of the edit (storage/postgres/stored_readings.py). Null is not known: of
-- texts from before this column, and of those that arrived late.
alter table {schema}.message_texts add column replaced_at timestamptz;
-- Each reading of a message has an outcome of its own: what its channel writes over a loss does not take the loss away.
alter table {schema}.signal_outcomes drop constraint signal_outcomes_pkey,
    add primary key (channel, message_id, position, rules, id);
-- Signals that their channel has written over are judged too (storage/postgres/replaced_signals.py).
create index signals_history_asset on {schema}.signals_history (asset);
