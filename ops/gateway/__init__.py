"""The reference Telegram Gateway: the HTTP API that the engine consumes, on PostgreSQL.

Messages come from Telegram itself (``telegram/``), from ``tp-capital gateway import``, or from SQL that writes to
``telegram_gateway.messages``.
"""
