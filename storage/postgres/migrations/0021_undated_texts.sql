-- Whether the message had a date of Telegram's when it was first seen with that text. One without is matched with a row
-- of the former service's table by its text alone; it stays one when a date comes later, so that no row loses its message.
alter table {schema}.message_texts add column dated boolean not null default true;
