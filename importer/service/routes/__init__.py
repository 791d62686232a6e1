"""The routes, a file for each kind; each has a ``router``, and translates to domain functions and back."""
