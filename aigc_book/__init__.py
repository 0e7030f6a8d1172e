"""The companion package of The AIGC Book. Importing it is cheap: each room is imported by name where it is needed."""

__version__ = "0.2.0"
