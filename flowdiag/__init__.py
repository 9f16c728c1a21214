"""placeholder docstring to be replaced."""
