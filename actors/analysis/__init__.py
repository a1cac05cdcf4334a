"""What prices say about signals: pure functions of signals, their events and bars."""
