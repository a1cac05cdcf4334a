"""The Telegram Gateway's HTTP API: client, answers, messages."""
