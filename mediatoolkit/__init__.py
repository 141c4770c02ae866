"""mediatoolkit."""
