-- What a daemon does: all, ingest or serve. One of an earlier version does everything.
alter table {schema}.daemons add column role text not null default 'all';
