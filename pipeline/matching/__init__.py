"""What matching is made of: ``sketch`` an article, find candidates in a ``pool``, ``score`` them, find ``copies``, and
make ``stories`` of the links; ``likeness`` says the evidence in words.
"""
