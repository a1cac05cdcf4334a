-- The roles of tp-capital, made once by PostgreSQL's superuser: by the entry point of the database image (it runs
-- what lies in /docker-entrypoint-initdb.d in an empty data folder), or by hand as docs/deployment.md has it.
-- Passwords come from the environment, so that they stand on no command line.
\set ON_ERROR_STOP on
\getenv engine_password TP_CAPITAL_DB_PASSWORD
\getenv owner_password TP_CAPITAL_OWNER_PASSWORD
\if :{?engine_password}
\else
    \set engine_password ''
\endif
\if :{?owner_password}
\else
    \set owner_password ''
\endif
-- a statement would stand in the server's log with its passwords
set log_min_error_statement = panic;
set log_statement = none;
set log_min_duration_statement = -1;
select :'engine_password' = '' or :'owner_password' = '' as no_passwords \gset
\if :no_passwords
    do $$ begin raise 'set TP_CAPITAL_DB_PASSWORD and TP_CAPITAL_OWNER_PASSWORD: tp-capital init-env writes them'; end $$;
\endif

set password_encryption = 'scram-sha-256';

-- Owns database and schema: migrations, backups. CREATEDB, so that a backup can be restored to check it.
create role tp_capital_owner login createdb password :'owner_password';
-- The daemon. It owns nothing; what it may do is granted by `tp-capital migrate`.
create role tp_capital login password :'engine_password';
-- Limits stand on the role, because transaction pooling leaves no session to set them in. A frozen daemon lets go of
-- its row locks after the third.
alter role tp_capital set statement_timeout = '20s';
alter role tp_capital set lock_timeout = '10s';
alter role tp_capital set idle_in_transaction_session_timeout = '10s';
reset log_min_error_statement;
reset log_statement;
reset log_min_duration_statement;
