-- How the signals table is cut into weeks just now (storage/postgres/layout.py).
create table {schema}.layout (
    only_row boolean primary key default true check (only_row),
    kind text not null,
    version integer not null
);
