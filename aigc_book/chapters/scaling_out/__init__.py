"""The chapter on training with several processes: its checks and its figures."""
