"""From preferences to policies: reward models, direct preference optimization, policy gradients with KL control."""
