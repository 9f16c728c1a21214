"""Why a call to a log source failed: the IAM action is named where a grant would mend it, and nowhere else."""

from __future__ import annotations

DENIED = "denied"
"""How `fault` calls a call that AWS does not allow."""


def granting(error: Exception, action: str) -> str:
    """The reason, with the action that is lacking: the one that the error itself names, or that of the call."""
    own = getattr(getattr(error, "fault", None), "action", "")
    named = own or (action if str(error) == DENIED else "")
    return f"{error}, {named}" if named else str(error)
