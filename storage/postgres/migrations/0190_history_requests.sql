-- Requests to read the history (storage/postgres/history_requests.py): any process takes them down, and the one that
-- imports the history carries them out. `history_progress` is its progress as it shows it, for the other processes.
create table {schema}.history_requests (
    id bigint generated always as identity primary key,
    again boolean not null,
    channels text[] not null,
    since timestamptz,
    asked_at timestamptz not null default now()
);
create table {schema}.history_progress (
    single boolean primary key default true check (single),
    progress text not null,
    shown_at timestamptz not null default now()
);
