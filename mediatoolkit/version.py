"""The version of this package; looking it up in the installation takes 8 ms of a first picture."""

VERSION = "0.1.0"
