"""``tp-capital doctor``: checks the configuration and every part, and prints remedies for problems."""
