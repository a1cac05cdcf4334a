-- The index of assets also holds side and type, so that counting signals by day, type and asset reads no rows.
-- The former one goes last: from then on nothing can be read until the end of this step. Where the table is laid out
-- anew, layouts/keys.sql makes the index again.
create index tp_capital_signals_asset_counts on {schema}.tp_capital_signals (asset, ts desc, id desc)
    include (side, signal_type);
drop index if exists {schema}.tp_capital_signals_asset;
