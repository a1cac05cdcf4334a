-- The stream tells which signals went, in commit order; resuming clients read this from where they left off.
create index signals_history_superseded on {schema}.signals_history (superseded_by, id);
