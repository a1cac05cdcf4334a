-- Whether a signal still counts (storage/postgres/standing.py): its status alone does not tell it once a target was reached.
-- `migrate` writes all standings anew.
truncate {schema}.signal_standings;
alter table {schema}.signal_standings
    -- the number of its last target, where that is its final one too
    add column last_target smallint,
    add column valid boolean not null default true;
-- those that still wait are found by their status
create index signal_standings_running on {schema}.signal_standings (ts desc, id desc)
    where valid and status not in ('waiting', 'open');
