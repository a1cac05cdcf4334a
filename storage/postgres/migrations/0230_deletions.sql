-- Whether the channel has deleted the message. The row keeps its last text.
alter table {schema}.ledger add column deleted boolean not null default false;
