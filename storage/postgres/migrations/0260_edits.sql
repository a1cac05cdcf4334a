-- When another text replaced it, by the gateway's time of the edit (storage/postgres/stored_readings.py). Null is not known: of
-- texts from before this column, and of those that arrived late.
alter table {schema}.message_texts add column replaced_at timestamptz;
-- Each reading of a message has an outcome of its own: what its channel writes over a loss does not take the loss away.
alter table {schema}.signal_outcomes drop constraint signal_outcomes_pkey,
    add primary key (channel, message_id, position, rules, id);
-- When an edit put a text without this trade into its place (storage/postgres/superseded.py). Null: its trade went on, or the same
-- text was read otherwise. Such signals are judged too (storage/postgres/replaced_signals.py).
alter table {schema}.signals_history add column written_over_at timestamptz;
update {schema}.signals_history as replaced set written_over_at = replaced.superseded_at
from {schema}.message_texts as former
where former.channel = replaced.channel and former.message_id = replaced.message_id
    and former.digest = {schema}.text_digest(replaced.raw_message, null)
    and former.commit_number = replaced.superseded_by
    and not exists (
        select from {schema}.tp_capital_signals as present
        where present.channel = replaced.channel and present.message_id = replaced.message_id
            and (present.commit_number, present.asset, present.side)
                = (replaced.superseded_by, replaced.asset, replaced.side))
    and not exists (
        select from {schema}.signals_history as following
        where following.channel = replaced.channel and following.message_id = replaced.message_id
            and (following.commit_number, following.asset, following.side)
                = (replaced.superseded_by, replaced.asset, replaced.side));
create index signals_history_asset on {schema}.signals_history (asset);
