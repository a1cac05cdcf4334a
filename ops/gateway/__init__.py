"""The reference Telegram Gateway: the HTTP API that the engine consumes, on PostgreSQL.

It has no Telegram session of its own. Messages come in by ``tp-capital gateway import`` or by
SQL into ``telegram_gateway.messages``.
"""
