"""What moves: frozen records, their one wire format, and the tables they fill. Imports nothing else of wiredesk."""
