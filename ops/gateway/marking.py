"""Marks messages as processed. The statement compares what a consumer read with the present rows."""

from __future__ import annotations

from typing import LiteralString

__all__ = ["MARK"]


# Rows are locked in the order of their ids, so that two consumers that mark at the same time cannot deadlock. After
# the wait for a lock, the statement sees the new text of a row that was edited meanwhile.
# If a consumer tells what it read, only that is marked. Three kinds of rows stay unmarked: a row that was edited or
# deleted since, a second row of the same message that the consumer has not read, and a row with a new reprocess
# request. If an earlier request, whose answer was lost, has marked an edited row, that mark is removed. A deleted message
# keeps its status. Answers show milliseconds.
MARK: LiteralString = """
    WITH read AS (
        SELECT r.id, r.status, date_trunc('milliseconds', r.updated_at) AS updated_at
        FROM json_to_recordset(coalesce(%(read)s::json, '[]')) AS r (id bigint, updated_at timestamptz, status text)
    ), target AS (
        SELECT m.id, m.status, date_trunc('milliseconds', m.updated_at) AS updated_at
        FROM telegram_gateway.messages m
        WHERE m.message_id = ANY(%(ids)s) AND (%(channel)s::text IS NULL OR m.channel_id = %(channel)s)
          AND (m.status <> 'deleted' OR m.deleted_at IS NOT NULL)
        ORDER BY m.id FOR UPDATE
    ), compared AS (
        SELECT target.id, read.id IS NOT NULL AS named, %(read)s::json IS NULL OR (
            read.id IS NOT NULL
            AND coalesce(read.updated_at = target.updated_at, true)
            AND (target.status <> 'reprocess_pending' OR coalesce(read.status, target.status) = target.status)
        ) AS as_read
        FROM target LEFT JOIN read USING (id)
    ), marked AS (
        UPDATE telegram_gateway.messages m
        SET status = CASE m.status WHEN 'deleted' THEN m.status ELSE 'published' END, processed_by = %(by)s,
            base_status = coalesce(m.base_status, CASE m.status
                WHEN 'published' THEN NULL WHEN 'deleted' THEN NULL WHEN 'reprocess_pending' THEN 'received'
                ELSE m.status END),
            published_at = CASE WHEN m.status = 'published' THEN coalesce(m.published_at, now()) ELSE now() END
        FROM compared WHERE m.id = compared.id AND compared.as_read
        RETURNING m.id
    ), noted AS (
        INSERT INTO telegram_gateway.message_consumers (message_row, processed_by)
        SELECT id, %(by)s FROM marked ORDER BY id
        ON CONFLICT (message_row, processed_by) DO UPDATE SET processed_at = now()
    ), reopened AS (
        DELETE FROM telegram_gateway.message_consumers c USING compared
        WHERE c.message_row = compared.id AND c.processed_by = %(by)s AND compared.named AND NOT compared.as_read
        RETURNING c.message_row
    ), given_back AS (
        UPDATE telegram_gateway.messages m
        SET status = CASE WHEN m.status = 'published' THEN coalesce(m.base_status, m.status) ELSE m.status END,
            processed_by = NULL
        FROM reopened WHERE m.id = reopened.message_row AND m.processed_by = %(by)s
    )
    SELECT (SELECT count(*) FROM marked) AS updated,
        ARRAY(SELECT compared.id::text FROM compared
              WHERE NOT compared.as_read AND (compared.named OR NOT EXISTS (
                  SELECT FROM telegram_gateway.message_consumers c
                  WHERE c.message_row = compared.id AND c.processed_by = %(by)s))
              ORDER BY compared.id) AS left_rows"""
