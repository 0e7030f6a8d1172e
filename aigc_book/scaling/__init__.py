"""How large, how long, how expensive: parameters, memory, arithmetic, days, energy and money of a model and its
training, and the power laws that say what it gives in return."""

from aigc_book.scaling.compute import TrainingCost, forward_flops, training_cost, training_flops, utilisation
from aigc_book.scaling.memory import TrainingMemory, activations, cache_bytes, training_memory
from aigc_book.scaling.parameters import count_parameters, parameter_table
from aigc_book.scaling.power_law import PowerLaw, Prediction, fit_power_law
from aigc_book.scaling.published import HARDWARE, RUNS, Hardware, PublishedRun, find_hardware

__all__ = [
    "HARDWARE",
    "RUNS",
    "Hardware",
    "PowerLaw",
    "Prediction",
    "PublishedRun",
    "TrainingCost",
    "TrainingMemory",
    "activations",
    "cache_bytes",
    "count_parameters",
    "find_hardware",
    "fit_power_law",
    "forward_flops",
    "parameter_table",
    "training_cost",
    "training_flops",
    "training_memory",
    "utilisation",
]
