"""The desk: a web page over a warehouse, which it only reads.

``changes``, ``replica``, ``search`` and ``follower`` keep what the pages need beside the warehouse and up to date;
``read`` asks the questions, ``draw`` makes pictures of the answers (pure functions), ``web`` speaks HTTP.
"""
