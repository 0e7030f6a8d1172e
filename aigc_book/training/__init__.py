"""Optimizers, schedules, the training loop and checkpoints."""
