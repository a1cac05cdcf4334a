-- Who is told of what, and what was sent (docs/alerts.md). The addresses of targets and the secrets to sign by are kept as
-- they are used; nothing shows them again.
create table {schema}.alert_rules (
    id bigint generated always as identity primary key,
    name text not null unique,
    enabled boolean not null,
    language text not null check (language in ('pt', 'en')),
    kinds text[] not null,
    -- an empty list is every channel, asset, type or side
    channels text[] not null,
    assets text[] not null,
    types text[] not null,
    sides text[] not null,
    without_warnings boolean not null,
    -- such as 22:00-07:00, in the time zone of the settings
    quiet_hours text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create table {schema}.alert_targets (
    id bigint generated always as identity primary key,
    rule_id bigint not null references {schema}.alert_rules on delete cascade,
    kind text not null check (kind in ('webhook', 'apprise')),
    url text not null,
    -- what may be shown of it
    service text not null,
    masked text not null,
    -- the newest secret first; the other one signs too, for a day after the newest was made
    signing text[] not null,
    rotated_at timestamptz,
    off_reason text,
    off_at timestamptz
);
create index alert_targets_rule on {schema}.alert_targets (rule_id);
-- Each alert to each target. `identity` is the same at each attempt. `source` names what it tells of, so that nothing is told
-- twice. `asked`: a person asked for it, so it heeds neither order nor quiet hours. `held`: quiet hours have postponed it.
create table {schema}.alert_deliveries (
    id bigint generated always as identity primary key,
    rule_id bigint not null references {schema}.alert_rules on delete cascade,
    target_id bigint not null references {schema}.alert_targets on delete cascade,
    identity text not null,
    source text not null,
    kind text not null,
    signal_id bigint,
    channel text,
    message_id text,
    position smallint,
    posted_at timestamptz not null,
    title text not null,
    text text not null,
    body text not null,
    asked boolean not null,
    held boolean not null default false,
    state text not null default 'due' check (state in ('due', 'sent', 'dead', 'skipped')),
    reason text,
    attempts integer not null default 0,
    next_at timestamptz not null,
    created_at timestamptz not null,
    ended_at timestamptz,
    unique (target_id, source)
);
create index alert_deliveries_due on {schema}.alert_deliveries (target_id, id) where state = 'due';
create index alert_deliveries_rule on {schema}.alert_deliveries (rule_id, id desc);
create index alert_deliveries_signal on {schema}.alert_deliveries (channel, message_id, position) where kind = 'signal';
create index alert_deliveries_ended on {schema}.alert_deliveries (ended_at);
-- troubles of the system that were told and have not ended
create table {schema}.alert_incidents (
    name text primary key,
    since timestamptz not null
);
