"""Fuzzing of every door through which a stranger's bytes come. ``bench/fuzz.py`` runs it for minutes,
tests/test_fuzz.py a little of it with the same inputs every time.

``doors``: what is called with the bytes, and what must hold of what it gives. ``mutate``: new inputs from old ones.
``loop``: which inputs are worth keeping, and what a finding is.
"""
