"""``tp-capital doctor``: checks configuration and every part, and says how to mend what is wrong."""
