def write_card(scores, tied): pass
