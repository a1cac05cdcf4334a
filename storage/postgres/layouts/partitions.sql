-- Weeks as native range partitions, for servers without TimescaleDB. keep_retention() makes them four weeks
-- ahead and drops a week once all of it is past 90 days. It runs with its owner's rights, so that the
-- engine's role need not own tables.
create table {schema}.tp_capital_signals_default partition of {schema}.tp_capital_signals default;

create or replace function {schema}.keep_retention(
    out made integer, out dropped integer, out ahead_until timestamptz, out problem text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set lock_timeout = '5s'
as $keep$
declare
    week constant interval := '7 days';
    retention constant interval := '90 days';
    ahead constant interval := '28 days';
    monday constant timestamptz := '2000-01-03';
    start timestamptz;
    partition text;
    misplaced bigint;
begin
    -- two daemons at once: the second finds all of it done
    perform pg_advisory_xact_lock('{schema}.tp_capital_signals'::regclass::bigint);
    made := 0;
    dropped := 0;
    for start in
        select generate_series(date_bin(week, now() - retention, monday), now() + ahead, week)
    loop
        partition := format('{schema}.tp_capital_signals_%s', to_char(start, 'YYYYMMDD'));
        ahead_until := start + week;
        continue when to_regclass(partition) is not null;
        execute format(
            'create table %s (like {schema}.tp_capital_signals including defaults including constraints)',
            partition);
        -- what came before its week was there stands in the default partition
        execute format(
            'with moved as (delete from {schema}.tp_capital_signals_default where ts >= %L and ts < %L returning *)
            insert into %s select * from moved', start, start + week, partition);
        execute format(
            'alter table {schema}.tp_capital_signals attach partition %s for values from (%L) to (%L)',
            partition, start, start + week);
        made := made + 1;
    end loop;
    for partition, start in
        select child.oid::regclass, to_timestamp(right(child.relname, 8), 'YYYYMMDD')
        from pg_inherits join pg_class as child on child.oid = inhrelid
        where inhparent = '{schema}.tp_capital_signals'::regclass and child.relname ~ '_[0-9]{8}$'
    loop
        continue when start + week > now() - retention;
        execute format('drop table %s', partition);
        dropped := dropped + 1;
    end loop;
    delete from {schema}.tp_capital_signals_default where ts < now() - retention;
    select count(*) into misplaced from {schema}.tp_capital_signals_default;
    if misplaced > 0 then
        problem := format('%s signals are dated further ahead than partitions are made', misplaced);
    end if;
end
$keep$;
