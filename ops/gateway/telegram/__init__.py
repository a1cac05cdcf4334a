"""The gateway's own eyes on Telegram: a user's session by Telethon, or a bot by Telegram's Bot API.

``rows.py`` turns what Telegram says into changes of messages, purely. ``history.py`` compares a chat's history with what is
stored. ``session.py`` runs both for a user's session, ``bot.py`` does it for a bot. ``login.py`` and ``client.py`` have
the session's file, ``chats.py`` the channels. Telethon is imported here only, and this package only where it is used.
"""
