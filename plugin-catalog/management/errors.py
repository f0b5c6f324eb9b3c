"""What can go wrong."""


class Refused(Exception):
    """This cannot be done; the text is for who asked."""


class Unhealthy(Exception):
    """A mount is not as it should be after a reload."""
