"""What the doors tell those who open them: one line that says what is wrong and what to do."""


class DoorError(Exception):
    """A door can't be used. Its message is for the user; nothing is to be looked for in the code."""


class Unusable(DoorError):
    """What was given can't be used: not there, not ours, malformed, too new. Another try does not help."""


class Unavailable(DoorError):
    """It can't be done now: somebody else has it, there is no room, the machine fails. Another try may help."""
