-- What each signal is on this day, since when and why (storage/postgres/standing.py), beside what lists filter by. It is
-- a plain table, because compressed chunks of signals see no UPDATE. The transaction that changes a signal or its events
-- writes it, and so does the beginning of a day. `migrate` fills it for the signals that are stored.
create table {schema}.signal_standings (
    channel text not null,
    message_id text not null,
    position smallint not null,
    id bigint not null,
    ts timestamptz not null,
    signal_type text not null,
    side text not null,
    asset text not null,
    -- the last day of its validity, and the day of its session
    valid_on date,
    session_on date,
    status text not null,
    since timestamptz not null,
    reason text not null,
    -- it expires after this day
    ends_on date,
    -- the sum of the ids of its events: another sum means that this row is outdated
    told bigint not null,
    -- the commit that stored the signal, and the one that last changed its status or events
    signal_commit bigint not null,
    commit_number bigint not null,
    updated_at timestamptz not null,
    primary key (channel, message_id, position)
);
create index signal_standings_id on {schema}.signal_standings (id);
create index signal_standings_newest on {schema}.signal_standings (ts desc, id desc)
    include (status, side, signal_type, asset, channel);
create index signal_standings_status on {schema}.signal_standings (status, ts desc, id desc)
    include (side, signal_type, asset, channel);
create index signal_standings_channel on {schema}.signal_standings (channel, status, ts desc, id desc);
create index signal_standings_asset on {schema}.signal_standings (asset, status, ts desc, id desc);
create index signal_standings_type on {schema}.signal_standings (lower(signal_type), status, ts desc, id desc);
create index signal_standings_ends on {schema}.signal_standings (ends_on) where ends_on is not null;
create index signal_standings_commit on {schema}.signal_standings (commit_number, id);
