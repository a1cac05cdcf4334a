-- The transactional outbox of a gateway that publishes to a broker: one row for each new or edited message, written in
-- the transaction of the message itself, whoever writes it. Idempotent, applied with schema.sql (database.py).

CREATE TABLE IF NOT EXISTS telegram_gateway.outbox (
    position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_row bigint NOT NULL,
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE OR REPLACE FUNCTION telegram_gateway.new_to_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO telegram_gateway.outbox (message_row) SELECT id FROM inserted ORDER BY id;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS messages_new_to_outbox ON telegram_gateway.messages;
CREATE TRIGGER messages_new_to_outbox AFTER INSERT ON telegram_gateway.messages
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION telegram_gateway.new_to_outbox();

-- An edit, or a request to reread. A consumer's mark is neither. The publisher listens for the same notification as
-- the long polls, which a new message already sends.
CREATE OR REPLACE FUNCTION telegram_gateway.edit_to_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO telegram_gateway.outbox (message_row) VALUES (NEW.id);
    PERFORM pg_notify('telegram_gateway', left(NEW.channel_id, 64));
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS messages_edit_to_outbox ON telegram_gateway.messages;
CREATE TRIGGER messages_edit_to_outbox AFTER UPDATE ON telegram_gateway.messages FOR EACH ROW
    WHEN ((OLD.text, OLD.caption, OLD.telegram_date, OLD.updated_at, OLD.metadata)
            IS DISTINCT FROM (NEW.text, NEW.caption, NEW.telegram_date, NEW.updated_at, NEW.metadata)
        OR (NEW.status = 'reprocess_pending' AND OLD.status <> 'reprocess_pending'))
    EXECUTE FUNCTION telegram_gateway.edit_to_outbox();
