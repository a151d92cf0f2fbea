"""How components are found: built-ins and installed distributions, through pluggy."""
