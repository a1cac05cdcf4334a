"""Alerts: their texts, their form for webhooks, and the notifier as a child of the supervisor."""
