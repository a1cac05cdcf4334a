-- How far each reader of the feed of commits has come (storage/postgres/feed_positions.py). `channels` are the channels as
-- this reader last told them, by id; null before the first time.
create table {schema}.feed_positions (
    reader text primary key,
    number bigint not null,
    id bigint not null,
    channels jsonb,
    moved_at timestamptz not null default now()
);
