-- What prices say of each signal (storage/postgres/enrichment.py), by the version of the rules that said it. `id` is the
-- signal that was judged: where a later reading has replaced it, the row is outdated. Outcomes have no weeks and are kept when
-- retention drops their signals, since a track record needs them.
create table {schema}.signal_outcomes (
    channel text not null,
    message_id text not null,
    position smallint not null,
    rules integer not null,
    id bigint not null,
    ts timestamptz not null,
    signal_type text not null,
    side text not null,
    asset text not null,
    -- whose bars were looked at
    symbol text collate "C" not null,
    state text not null,
    reason text,
    entered_at timestamptz,
    entry numeric,
    risk numeric,
    reached timestamptz[] not null,
    ended_at timestamptz,
    exit numeric,
    same_bar boolean not null,
    favourable_r numeric,
    adverse_r numeric,
    first_r numeric,
    final_r numeric,
    scaled_r numeric,
    known_at timestamptz,
    seen_until timestamptz,
    -- whether prices say the same as the channel's own results; null without any
    claim text,
    primary key (channel, message_id, position, rules)
);
create index signal_outcomes_id on {schema}.signal_outcomes (id);
create index signal_outcomes_symbol on {schema}.signal_outcomes (symbol, rules);
create index signal_outcomes_ts on {schema}.signal_outcomes (ts);
-- The market when a signal was posted: its indicators, and those of what an option is on.
create table {schema}.signal_enrichment (
    channel text not null,
    message_id text not null,
    position smallint not null,
    rules integer not null,
    indicators jsonb not null,
    underlying text,
    underlying_indicators jsonb,
    primary key (channel, message_id, position, rules)
);
