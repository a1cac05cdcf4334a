-- Which row of the former service's table is which message is settled in rounds that follow the ledger
-- (storage/legacy/rounds.py), no longer with each write. The digests of texts leave the ledger for message_texts.
drop index {schema}.ledger_text;
create index ledger_commit on {schema}.ledger (commit_number);
-- the commit that brought the text
alter table {schema}.message_texts add column commit_number bigint not null default 0;
create index message_texts_commit on {schema}.message_texts (commit_number);

-- The texts of all commits up to this one stand in message_texts, and the old rows with those texts are settled.
create table {schema}.legacy_settled (
    only_row boolean primary key default true check (only_row),
    commit_number bigint not null
);
-- until now rows were settled at once; where there are none, the first migrate-data begins at the start
insert into {schema}.legacy_settled (commit_number)
select case when exists (select from {schema}.legacy_rows) then number else 0 end from {schema}.commits;
insert into {schema}.message_texts (channel, message_id, digest, sent_at, dated)
select channel, message_id, {schema}.text_digest(text, caption), coalesce(telegram_date, ts), telegram_date is not null
from {schema}.ledger
where exists (select from {schema}.legacy_rows) and not starts_with(message_id, 'legacy:')
    and {schema}.text_digest(text, caption) is not null
on conflict do nothing;
