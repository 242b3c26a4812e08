"""The demonstration: fictional outlets served on this machine, and the walk of their articles into a warehouse.

``stories/`` holds the articles with their known answers, ``outlets.toml`` the outlets, ``troubles.toml`` what goes
wrong there. Places, people, companies and papers are invented.
"""
