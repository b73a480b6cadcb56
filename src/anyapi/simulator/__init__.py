"""Simulated providers for demo, tests and load: wire formats, scripted faults, a token ledger. Imports nothing of the product."""

from anyapi.simulator.cast import DEFAULT_PROVIDERS, FORMATS, ClaimedPolicy, ModelSpec, ProviderSpec, WireName
from anyapi.simulator.demo_config import demo_config_toml, key_variable
from anyapi.simulator.faults import AnyFault, BadFault, read_fault, read_script
from anyapi.simulator.ledger import Entry, Ledger, Outcome, Totals
from anyapi.simulator.provider import RunningProvider
from anyapi.simulator.simulation import Simulation, SimulationOptions, SimulationThread, start_simulation

__all__ = [
    "DEFAULT_PROVIDERS",
    "FORMATS",
    "AnyFault",
    "BadFault",
    "ClaimedPolicy",
    "Entry",
    "Ledger",
    "ModelSpec",
    "Outcome",
    "ProviderSpec",
    "RunningProvider",
    "Simulation",
    "SimulationOptions",
    "SimulationThread",
    "Totals",
    "WireName",
    "demo_config_toml",
    "key_variable",
    "read_fault",
    "read_script",
    "start_simulation",
]
