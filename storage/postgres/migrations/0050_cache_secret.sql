-- What pages kept outside the processes are sealed with (storage/seal.py). One for all daemons of this database,
-- made by the server: two random uuids have 244 random bits.
create table {schema}.cache_secret (
    only_row boolean primary key default true check (only_row),
    secret bytea not null
);
insert into {schema}.cache_secret (secret)
values (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));
