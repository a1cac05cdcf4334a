-- The index of assets also holds side and type, so that counting signals by day, type and asset reads no rows.
-- Where the table is laid out anew, layouts/keys.sql makes it again.
drop index if exists {schema}.tp_capital_signals_asset;
create index tp_capital_signals_asset on {schema}.tp_capital_signals (asset, ts desc, id desc) include (side, signal_type);
