"""Takes a second of processor time to import, as tables and models may."""

import time

SECONDS = 1.0
_end = time.process_time() + SECONDS
while time.process_time() < _end:
    pass
