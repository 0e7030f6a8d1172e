"""What belongs to the chapter on alignment alone: its world of notes and reports, its checks, its figures."""
