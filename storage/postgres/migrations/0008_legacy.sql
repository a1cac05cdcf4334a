-- The former service's table, taken over by `migrate-data` (docs/migrating.md). Its rows have no message id:
-- a row and a message are the same when channel, text and date are.

-- Texts are compared without carriage returns and without JavaScript's white space at both ends, since the
-- former service trimmed with that. One definition for old rows and messages, here, so that they cannot differ.
create function {schema}.plain_text(body text) returns text
language sql immutable strict parallel safe
return btrim(replace(body, E'\r', ''),
    E' \t\n\u000b\f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a'
    '\u2028\u2029\u202f\u205f\u3000\ufeff');

-- A message is known by its text, or by its caption where the text is blank; null when both are.
create function {schema}.text_digest(body text, caption text) returns uuid
language sql immutable parallel safe
return md5(coalesce(nullif({schema}.plain_text(body), ''), nullif({schema}.plain_text(caption), '')))::uuid;

create index ledger_text on {schema}.ledger (channel, {schema}.text_digest(text, caption));

-- Texts that a message had before it was edited, or was delivered with after a later one: the former service may
-- have read any of them. sent_at is the date it was first seen with. So what a message may be matched by only
-- grows, and the order of migrating and back-filling does not matter.
create table {schema}.message_texts (
    channel text not null,
    message_id text not null,
    digest uuid not null,
    sent_at timestamptz not null,
    primary key (channel, message_id, digest)
);
create index message_texts_text on {schema}.message_texts (channel, digest);

-- Every row of the old table as it was, and what has become of it.
create table {schema}.legacy_rows (
    legacy_id text primary key,
    -- rows are taken in the order of their keys: the last one is where an interrupted run goes on
    place bigint generated always as identity,
    -- null in a row that cannot be used
    channel text,
    digest uuid,
    sent_at timestamptz,
    -- new: only inside the transaction that takes it. kept, expired: stands in the ledger as legacy:<id>.
    -- known: it is the message message_id. double: of double_of. checkpoint, refused: in no other table
    fate text not null check (fate in ('new', 'kept', 'expired', 'known', 'double', 'checkpoint', 'refused')),
    message_id text,
    double_of text,
    -- how the values of a kept or expired row were found (ops/migrate_data/values.py), and which signal of its text
    -- it is; detail says what a person should look at
    verdict text,
    position smallint,
    detail text,
    original jsonb not null,
    taken_at timestamptz not null default now(),
    -- when a message came that took the place of a kept or expired row
    replaced_at timestamptz,
    -- one to one: of each text that a message had it is one row at most. Deferrable, so that one statement may
    -- let two rows change places
    constraint legacy_rows_message unique (message_id, channel, digest) deferrable initially immediate
);
create index legacy_rows_text on {schema}.legacy_rows (channel, digest);
create unique index legacy_rows_place on {schema}.legacy_rows (place);
