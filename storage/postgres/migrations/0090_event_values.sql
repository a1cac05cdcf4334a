-- What an update, a result or a cancellation says, value by value (format catalogue, section 14.1), and the
-- text that said it. A value that the text does not say is null, false or an empty array.
alter table {schema}.signal_events rename column stop to stop_hit;
alter table {schema}.signal_events
    add column new_stop numeric,
    add column new_targets numeric[] not null default '{}',
    -- the lower and the higher entry price
    add column new_entry numeric[],
    add column breakeven boolean not null default false,
    -- the part of the position that is closed; 1 is all of it
    add column fraction numeric,
    add column price numeric,
    add column text text,
    -- the message that this one completes (section 14.3): the event belongs to that message and to no other
    add column half_of text;
update {schema}.signal_events as event
set text = case when btrim(coalesce(ledger.text, '')) = '' then ledger.caption else ledger.text end
from {schema}.ledger
where ledger.channel = event.channel and ledger.message_id = event.message_id;
create index signal_events_half on {schema}.signal_events (channel, half_of) where half_of is not null;

-- The market that a message was read in (section 13), and which half of an order its text alone is (14.3).
alter table {schema}.ledger
    add column market text not null default 'b3',
    add column half text check (half in ('first', 'second')),
    add column half_side text,
    add column half_asset text;
create index ledger_second_halves on {schema}.ledger (channel, ts) where half = 'second';
create index ledger_second_replies on {schema}.ledger (channel, reply_to) where half = 'second';
create index ledger_ts on {schema}.ledger (channel, ts);

-- The market of a channel; null is that of the settings.
alter table {schema}.channels add column market text;
