-- The channels and their labels. Those of the settings are read whatever stands here: their rows (source
-- 'settings') keep a label and since when they are known. A row of source 'api' was added at run time and
-- is read while removed_at is null. Rows stay after a removal: the signals do too, and carry the label.
create table {schema}.channels (
    channel text primary key,
    label text,
    source text not null check (source in ('settings', 'api')),
    added_at timestamptz not null default now(),
    removed_at timestamptz
);
