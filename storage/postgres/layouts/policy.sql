-- TimescaleDB's own job that drops weeks; made with the hypertable, and by `migrate` again where it was removed.
-- for the rest of this transaction its functions are found in whatever schema it was installed
select set_config('search_path', quote_ident(nspname), true)
from pg_extension join pg_namespace on pg_namespace.oid = extnamespace where extname = 'timescaledb';
-- as often as the other layout is kept: a week goes within the hour in which all of it is past
select add_retention_policy(
    '{schema}.tp_capital_signals', interval '90 days', schedule_interval => interval '1 hour');
