-- Weeks as chunks of a hypertable: TimescaleDB makes them when a row needs one, and its own job drops them.
-- keep_retention() only looks whether that job does its work; it has the same shape as that of the other layout.
-- Default indexes are left out: keys.sql has what the queries need.
-- whatever search_path the role has, it is made where it is by default
set local search_path = public;
create extension if not exists timescaledb;
-- for the rest of this transaction its functions are found in whatever schema it was installed
select set_config('search_path', quote_ident(nspname), true)
from pg_extension join pg_namespace on pg_namespace.oid = extnamespace where extname = 'timescaledb';
select create_hypertable(
    '{schema}.tp_capital_signals', by_range('ts', interval '7 days'), create_default_indexes => false);

create or replace function {schema}.keep_retention(
    out made integer, out dropped integer, out ahead_until timestamptz, out problem text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
as $keep$
declare
    retention constant interval := '90 days';
    grace constant interval := '1 day';
    job record;
    overdue bigint;
begin
    made := 0;
    dropped := 0;
    select jobs.job_id, scheduled, (config ->> 'drop_after')::interval as drop_after, last_run_status into job
    from timescaledb_information.jobs
        join pg_class on pg_class.oid = '{schema}.tp_capital_signals'::regclass
        join pg_namespace on pg_namespace.oid = relnamespace
        left join timescaledb_information.job_stats on job_stats.job_id = jobs.job_id
    where jobs.proc_name = 'policy_retention'
        and jobs.hypertable_schema = nspname and jobs.hypertable_name = relname;
    -- a scheduler that does not run leaves no failure behind, only weeks that stay
    select count(*) into overdue
    from timescaledb_information.chunks
        join pg_class on pg_class.oid = '{schema}.tp_capital_signals'::regclass
        join pg_namespace on pg_namespace.oid = relnamespace
    where hypertable_schema = nspname and hypertable_name = relname
        and range_end < now() - retention - grace and chunk_creation_time < now() - grace;
    problem := case
        when job.job_id is null then 'the hypertable has no retention policy'
        when not job.scheduled then 'the retention policy is switched off'
        when job.drop_after is distinct from retention then format(
            'the retention policy drops after %s, not after 90 days', coalesce(job.drop_after::text, 'another rule'))
        when job.last_run_status = 'Failed' then 'the last run of the retention policy failed: ' || coalesce((
            select err_message from timescaledb_information.job_errors
            where job_errors.job_id = job.job_id order by finish_time desc nulls last limit 1), 'see the server''s log')
        when overdue > 0 then format(
            '%s weeks past retention are still stored: TimescaleDB''s scheduler does not run', overdue)
    end;
end
$keep$;
