"""What extraction is made of: a fetched item's text, dates, language, canonical URL and rights, or why it has none.

``revision`` is the whole of it, ``killable`` runs it where it can be killed; each other module knows one thing.
"""
