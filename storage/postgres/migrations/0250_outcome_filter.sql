-- What prices say of each signal, beside its status, so that lists can be filtered by it (storage/postgres/status_filter.py).
-- It is written with the standing. Null is a signal of which prices say nothing.
alter table {schema}.signal_standings add column outcome text;
update {schema}.signal_standings as standing set outcome = (
    -- the newest rules decide
    select state from {schema}.signal_outcomes as outcome where outcome.id = standing.id order by rules desc limit 1);
create index signal_standings_outcome on {schema}.signal_standings (outcome, ts desc, id desc)
    include (side, signal_type, asset, channel) where outcome is not null;
-- those that still count, and that prices have not ended: the first view of the page
create index signal_standings_lasting on {schema}.signal_standings (ts desc, id desc)
    include (side, signal_type, asset, channel)
    where valid and (outcome is null or outcome not in ('target', 'stopped', 'closed', 'cancelled', 'expired'));
