-- How far each reader of the feed of commits has come (storage/postgres/feed_positions.py). `era` counts how often the
-- database was set back to an earlier commit number: the same place then means another change. `channels` are the
-- channels as this reader last told them, by id; null before the first time.
create table {schema}.feed_positions (
    reader text primary key,
    era integer not null default 1,
    number bigint not null,
    id bigint not null,
    channels jsonb,
    moved_at timestamptz not null default now()
);
