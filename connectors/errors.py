"""What the doors tell those who open them: one line that says what is wrong and what to do."""

from schemas.errors import DoorError, Unavailable, Unusable

__all__ = ["DoorError", "Unavailable", "Unusable"]
