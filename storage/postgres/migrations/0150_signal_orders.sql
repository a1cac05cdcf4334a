-- Further orders of lists (storage/postgres/orders.py). Reward over risk is written with the standing: `migrate` writes
-- all standings anew.
truncate {schema}.signal_standings;
alter table {schema}.signal_standings add column reward_risk numeric;
create index signal_standings_by_asset on {schema}.signal_standings (asset, ts desc, id desc);
create index signal_standings_by_update on {schema}.signal_standings (updated_at, id);
create index signal_standings_by_reward on {schema}.signal_standings (coalesce(reward_risk, -1), id);
