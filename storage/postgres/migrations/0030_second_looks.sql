-- What was, or may have been, marked at a gateway that compares nothing and is to be looked at once more. A row
-- is written before the acknowledgement is sent and goes when the look was made; that of a daemon which was killed
-- in between is taken over by the next one.
create table {schema}.second_looks (
    channel text not null,
    daemon_id text not null,
    received_from timestamptz not null,
    received_until timestamptz not null,
    promised_at timestamptz not null default now(),
    primary key (channel, daemon_id)
);
-- The readings of the whole history that look for edits polling did not bring, of messages of any age.
create table {schema}.history_audits (
    channel text primary key,
    rows_read bigint not null default 0,
    last_gateway_id text,
    found integer not null default 0,
    -- when the last one was complete; the first follows a period after the channel was first seen
    checked_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
