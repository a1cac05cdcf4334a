-- What results, updates and cancellations say of earlier signals. A plain table: compressed chunks of
-- signals see no UPDATE. signal_message_id and signal_position are the signal an event most likely speaks
-- of; they are found anew whenever a signal or event arrives that may change the answer, so that the order
-- of arrival does not matter.
create table {schema}.signal_events (
    id bigint generated always as identity primary key,
    channel text not null,
    message_id text not null,
    position smallint not null,
    ts timestamptz not null,
    kind text not null,
    asset text,
    -- the number of the target spoken of, 0 for the final one
    target smallint,
    stop boolean not null,
    percent numeric,
    reply_to text,
    signal_message_id text,
    signal_position smallint,
    commit_number bigint not null,
    created_at timestamptz not null default now(),
    unique (channel, message_id, position)
);
create index signal_events_asset on {schema}.signal_events (channel, asset, ts);
create index signal_events_reply on {schema}.signal_events (channel, reply_to) where reply_to is not null;
create index signal_events_signal on {schema}.signal_events (channel, signal_message_id, signal_position);
