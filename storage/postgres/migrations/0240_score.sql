-- The score of a signal (docs/score.md). `trade` is what was posted, as the score learns from it when retention has dropped the
-- signal; null where it makes no trade with a stop and a target. `score_model` is the version of the model that was
-- asked: empty where there was none, null where nobody has asked.
alter table {schema}.signal_enrichment add column trade jsonb, add column score jsonb, add column score_model text;
-- What each training has learnt, and whether its evidence allows to show it. The newest row decides.
create table {schema}.score_models (
    id bigint generated always as identity primary key,
    trained_at timestamptz not null,
    version text not null,
    results integer not null,
    shown boolean not null,
    fits jsonb not null,
    report jsonb not null
);
