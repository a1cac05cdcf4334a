-- The database of tp-capital, made by PostgreSQL's superuser after init-roles.sql, and once more when a backup is to be
-- restored into a fresh one. Tables and rights are the work of `tp-capital migrate`.
\set ON_ERROR_STOP on
-- sorted by bytes, upper and lower case of every letter known, whatever the cluster's default is; from 17 on without the
-- system's locales
select case when current_setting('server_version_num')::int >= 170000 then $$builtin builtin_locale 'C.UTF-8'$$
    else 'libc' end as provider \gset
create database tp_capital_db owner tp_capital_owner template template0 encoding 'UTF8'
    locale_provider :provider lc_collate 'C' lc_ctype 'C.UTF-8';
revoke all on database tp_capital_db from public;
grant connect on database tp_capital_db to tp_capital;

\connect tp_capital_db
select count(*) > 0 as has_timescale from pg_available_extensions where name = 'timescaledb' \gset
\if :has_timescale
    create extension if not exists timescaledb;
\endif
