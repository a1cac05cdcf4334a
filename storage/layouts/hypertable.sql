-- Weeks as chunks of a hypertable: TimescaleDB makes them when a row needs one, and its own job drops them.
-- keep_retention() only looks whether that job does its work; it has the same shape as that of the other layout.
-- Default indexes are left out: keys.sql has what the queries need.
create extension if not exists timescaledb;
select create_hypertable(
    '{schema}.tp_capital_signals', by_range('ts', interval '7 days'), create_default_indexes => false);
select add_retention_policy('{schema}.tp_capital_signals', interval '90 days');

create or replace function {schema}.keep_retention(
    out made integer, out dropped integer, out ahead_until timestamptz, out problem text)
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $keep$
declare
    job record;
begin
    made := 0;
    dropped := 0;
    select jobs.job_id, scheduled, last_run_status into job
    from timescaledb_information.jobs
        join pg_class on pg_class.oid = '{schema}.tp_capital_signals'::regclass
        join pg_namespace on pg_namespace.oid = relnamespace
        left join timescaledb_information.job_stats on job_stats.job_id = jobs.job_id
    where jobs.proc_name = 'policy_retention'
        and jobs.hypertable_schema = nspname and jobs.hypertable_name = relname;
    problem := case
        when job.job_id is null then 'the hypertable has no retention policy'
        when not job.scheduled then 'the retention policy is switched off'
        when job.last_run_status = 'Failed' then 'the last run of the retention policy failed'
    end;
end
$keep$;
