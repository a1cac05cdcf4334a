-- The database of tp-capital, made by PostgreSQL's superuser after init-roles.sql, and once more when a backup is to be
-- restored into a fresh one. Tables and rights are the work of `tp-capital migrate`.
\set ON_ERROR_STOP on
create database tp_capital_db owner tp_capital_owner template template0 encoding 'UTF8';
revoke all on database tp_capital_db from public;
grant connect on database tp_capital_db to tp_capital;

\connect tp_capital_db
select count(*) > 0 as has_timescale from pg_available_extensions where name = 'timescaledb' \gset
\if :has_timescale
    create extension if not exists timescaledb;
\endif
