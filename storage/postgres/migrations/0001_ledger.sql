-- The words of these files are templates: {schema} is the schema's name, already quoted.

-- Numbers of writing transactions, in commit order: the first statement of each draws the next one and
-- so holds the row until it has committed. A sequence gives numbers out of order.
create table {schema}.commits (
    only_row boolean primary key default true check (only_row),
    number bigint not null
);
insert into {schema}.commits (number) values (0);

-- Where every message ended, for good: retention drops signals, never these rows, so no message
-- becomes unknown again.
create table {schema}.ledger (
    channel text not null,
    message_id text not null,
    gateway_id text not null,
    outcome text not null,
    reason text not null,
    -- tells one reading from another; a reprocess request that reads the same changes nothing
    reading text not null,
    ts timestamptz,
    text text,
    caption text,
    source text not null,
    telegram_date timestamptz,
    received_at timestamptz,
    message_updated_at timestamptz,
    reply_to text,
    grammar_version text not null,
    commit_number bigint not null,
    recorded_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    primary key (channel, message_id)
);
create index ledger_outcome on {schema}.ledger (outcome);
create index ledger_received on {schema}.ledger (channel, received_at);

-- What could not be read or stored. raw is ASCII-escaped JSON of the whole message, since the value
-- that the database refused may be its text.
create table {schema}.dead_letters (
    id bigint generated always as identity primary key,
    channel text not null,
    message_id text not null,
    reason text not null,
    error text not null,
    raw text not null,
    attempts integer not null default 1,
    first_at timestamptz not null default now(),
    last_at timestamptz not null default now(),
    next_attempt_at timestamptz,
    resolved_at timestamptz,
    unique (channel, message_id)
);
create index dead_letters_due on {schema}.dead_letters (next_attempt_at) where resolved_at is null;

-- How far each channel's history has been read.
create table {schema}.checkpoints (
    channel text primary key,
    rows_read bigint not null default 0,
    last_gateway_id text,
    pages integer not null default 0,
    found integer not null default 0,
    gateway_total bigint,
    started_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    completed_at timestamptz,
    -- newest time of receipt that a complete pass has seen: the tail check starts an hour before it
    newest_received_at timestamptz,
    tail_checked_at timestamptz,
    tail_found bigint not null default 0
);

-- Leases of running daemons, so that a second one started by mistake is seen.
create table {schema}.daemons (
    daemon_id text primary key,
    place text not null,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now()
);
