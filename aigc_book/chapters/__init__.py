"""What belongs to one chapter alone, a folder each: the checks of its exercises, and the figures that only it draws."""
