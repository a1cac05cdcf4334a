"""Where alerts are sent: webhooks and the services that Apprise speaks."""
