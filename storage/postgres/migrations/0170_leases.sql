-- Who does a job that one daemon is enough for, and until when (storage/postgres/leases.py). The ledger keeps every effect
-- single, so two holders for a moment do the same work twice and no harm.
create table {schema}.leases (
    job text primary key,
    daemon_id text not null,
    since timestamptz not null default now(),
    until timestamptz not null
);
