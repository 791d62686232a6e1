"""How much a running service bears: ``importer bench api``."""
