-- What the engine's role may do; its owner is another role. Nothing here lets it change a table's shape.
grant usage on schema {schema} to {role};
grant select on {schema}.schema_migrations, {schema}.layout, {schema}.cache_secret to {role};
grant select, update on {schema}.commits to {role};
grant select, insert, update on {schema}.ledger, {schema}.dead_letters, {schema}.checkpoints to {role};
grant select, insert, update on {schema}.channels, {schema}.history_audits, {schema}.feed_positions to {role};
-- a row of the former service's table leaves the ledger when its message comes
grant delete on {schema}.ledger to {role};
grant select, insert, update on {schema}.legacy_rows to {role};
grant select, insert on {schema}.message_texts to {role};
grant select, update on {schema}.legacy_settled to {role};
grant select, insert, delete on {schema}.tp_capital_signals to {role};
grant select, insert on {schema}.signals_history to {role};
grant select, insert, update, delete on {schema}.signal_events, {schema}.signal_standings to {role};
grant select, insert, delete on {schema}.history_requests to {role};
grant select, insert, update on {schema}.history_progress to {role};
grant select, insert, update, delete on {schema}.daemons, {schema}.second_looks, {schema}.leases to {role};
grant select, insert, update, delete on {schema}.bars, {schema}.bar_changes to {role};
grant select, insert, update on {schema}.instruments to {role};
grant select, insert, update, delete on {schema}.alert_rules, {schema}.alert_targets to {role};
grant select, insert, update, delete on {schema}.alert_deliveries, {schema}.alert_incidents to {role};
grant select, insert, update on {schema}.signal_outcomes, {schema}.signal_enrichment to {role};
grant select, insert on {schema}.score_models to {role};
revoke all on function {schema}.keep_retention() from public;
grant execute on function {schema}.keep_retention() to {role};
