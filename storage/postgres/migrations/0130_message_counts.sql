-- The index of the times of receipt also holds the outcome, so that counting messages reads no rows. The former one
-- goes last, as in the step before.
create index ledger_counts on {schema}.ledger (channel, received_at) include (outcome);
drop index {schema}.ledger_received;
alter index {schema}.ledger_counts rename to ledger_received;
