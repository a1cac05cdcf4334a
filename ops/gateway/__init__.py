"""The reference Telegram Gateway: the HTTP API that the engine consumes, on PostgreSQL.

It has no Telegram session. ``tp-capital gateway import`` adds messages, or SQL that writes to
``telegram_gateway.messages``.
"""
