"""The scraper: sites without a feed, and what any site offers.

``links`` finds the articles on a section page, ``rules`` are single sites' own ways, ``pages`` fetches a page,
``discover`` and ``check`` tell a user what a site and a source give.
"""
