"""What the sources share: the one batch in flight, acknowledging, reading the history, retry state."""
