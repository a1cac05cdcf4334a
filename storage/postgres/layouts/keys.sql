-- ts is in every unique key because both layouts are partitioned by it.
alter table {schema}.tp_capital_signals
    add primary key (id, ts),
    add unique (channel, message_id, position, ts);
create index tp_capital_signals_newest on {schema}.tp_capital_signals (ts desc, id desc);
create index tp_capital_signals_channel on {schema}.tp_capital_signals (channel, ts desc, id desc);
create index tp_capital_signals_asset_counts on {schema}.tp_capital_signals (asset, ts desc, id desc)
    include (side, signal_type);
create index tp_capital_signals_type on {schema}.tp_capital_signals (lower(signal_type), ts desc, id desc);
create index tp_capital_signals_commit on {schema}.tp_capital_signals (commit_number, id);
