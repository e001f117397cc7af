"""What a network costs by definitions of others: NeuroBench's metrics, and a model of energy."""

from snncc.metrics.energy import HOROWITZ_45NM, Energies, energy_model, load_energies
from snncc.metrics.neurobench import neurobench, own_numbers, stored_bytes
from snncc.metrics.work import Meter, Work

__all__ = [
    "HOROWITZ_45NM",
    "Energies",
    "Meter",
    "Work",
    "energy_model",
    "load_energies",
    "neurobench",
    "own_numbers",
    "stored_bytes",
]
