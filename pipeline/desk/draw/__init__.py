"""From rows to what is drawn: pure functions, no warehouse and no HTML but SVG."""
