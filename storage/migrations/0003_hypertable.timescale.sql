-- Only where the strategy is timescale and the server has the extension; the same table stays plain
-- elsewhere. Default indexes are left out: the primary key and 0002 have what queries need.
create extension if not exists timescaledb;
select create_hypertable(
    '{schema}.tp_capital_signals', by_range('ts', interval '7 days'), create_default_indexes => false,
    migrate_data => true
);
select add_retention_policy('{schema}.tp_capital_signals', interval '90 days');
