#!/bin/sh
# Starts the pooler with a list of users made from the environment: one role, its password in plain, because SCRAM
# towards the server needs it. The list lies in memory (tmpfs) and is readable for the pooler alone.
set -eu
: "${TP_CAPITAL_DB_PASSWORD:?is not set: tp-capital init-env writes it}"
umask 077
printf '"tp_capital" "%s"\n' "$TP_CAPITAL_DB_PASSWORD" > /run/pgbouncer/userlist.txt
unset TP_CAPITAL_DB_PASSWORD
exec pgbouncer "${1:-/etc/pgbouncer/pgbouncer.ini}"
