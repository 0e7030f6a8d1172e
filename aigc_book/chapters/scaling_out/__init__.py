"""The chapter on training with several processes: its checks, its figures, and what it measures in each process."""
