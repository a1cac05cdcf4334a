-- A type that no signal has is known at once. Where the table is laid out anew, layouts/keys.sql makes it again.
create index tp_capital_signals_type on {schema}.tp_capital_signals (lower(signal_type), ts desc, id desc);
