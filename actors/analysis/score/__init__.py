"""The score: how probably a signal reaches its first target before its stop, from what was known when it was posted.

``features`` says what was known, ``model`` turns it into a probability, ``training`` makes the model and ``figures``
decide whether it may be shown. ``docs/score.md`` explains it.
"""
