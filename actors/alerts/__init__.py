"""What the notifier is made of: which alerts a commit calls for, quiet hours, troubles of the system, and sending."""
