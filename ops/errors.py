"""What goes wrong for whoever operates the service, in words for them."""


class OperatorError(Exception):
    """Something the operator can put right. The message is one line, says what to do, and holds no secret."""
