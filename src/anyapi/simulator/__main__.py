"""`python -m anyapi.simulator`: simulated providers as a program. Prints one JSON line when ready and runs until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import ssl
import sys
from collections.abc import Sequence

import msgspec
import uvloop

from anyapi.simulator.cast import DEFAULT_PROVIDERS, ProviderSpec, WireName
from anyapi.simulator.faults import AnyFault, BadFault, read_fault
from anyapi.simulator.simulation import Simulation, SimulationOptions


class BadArgument(ValueError):
    """A command line that cannot be carried out; the text says what to write instead."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program. Returns the exit code: 0 after a signal, 2 when the arguments or a port cannot be used."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        simulation = Simulation(chosen_providers(options), _common(options))
    except (BadArgument, BadFault, OSError) as error:
        parser.error(str(error))
    try:
        uvloop.run(_serve(simulation))
    except OSError as error:
        sys.stderr.write(f"The simulator cannot listen: {error}. Choose another --port, or 0 for free ones.\n")
        return 2
    return 0


def chosen_providers(options: argparse.Namespace) -> list[ProviderSpec]:
    """Return the providers that the arguments describe. Raises `BadArgument` and `BadFault`."""
    known = {spec.id: spec for spec in DEFAULT_PROVIDERS}
    names: list[str] = options.provider or list(known)
    specs = {name: known.get(name, ProviderSpec(name)) for name in names}
    everywhere: dict[str, object] = {}
    for field in ("api_key", "chunk_delay", "words", "echo"):
        if getattr(options, field) is not None:
            everywhere[field] = getattr(options, field)
    wires = dict(_pairs(options.wire, "--wire", specs))
    faults: dict[str, list[AnyFault]] = {name: [] for name in specs}
    for name, text in _pairs(options.fault, "--fault", specs):
        faults[name].append(read_fault(text))
    unknown = set(wires.values()) - set(WireName)
    if unknown:
        raise BadArgument(f"--wire knows {', '.join(WireName)}, not {', '.join(sorted(unknown))}.")
    return [
        msgspec.structs.replace(spec, faults=tuple(faults[name]), wire=WireName(wires.get(name, spec.wire)), **everywhere)
        for name, spec in specs.items()
    ]


def _pairs(values: list[str], option: str, specs: dict[str, ProviderSpec]) -> list[tuple[str, str]]:
    """Divide `PROVIDER=VALUE`; a value alone is for every provider."""
    pairs: list[tuple[str, str]] = []
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or "{" in name:
            pairs.extend((each, value) for each in specs)
        elif name not in specs:
            raise BadArgument(f"{option} names {name}, which is not started. Started are: {', '.join(specs)}.")
        else:
            pairs.append((name, rest))
    return pairs


def _common(options: argparse.Namespace) -> SimulationOptions:
    context = None
    if options.tls_cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls_cert, options.tls_key)
    return SimulationOptions(options.host, options.port, context, options.record_bodies)


async def _serve(simulation: Simulation) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with simulation:
        ready = [
            {"id": identity, "base_url": provider.base_url, "origin": provider.origin}
            for identity, provider in simulation.providers.items()
        ]
        sys.stdout.write(msgspec.json.encode({"providers": ready}).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m anyapi.simulator",
        description="Simulated providers on loopback, with scripted faults and an exact token ledger. Prints one JSON line when ready.",
    )
    names = ", ".join(spec.id for spec in DEFAULT_PROVIDERS)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="first port; the other providers get the next ones (default 0: free ports)")
    parser.add_argument(
        "--provider", action="append", metavar="ID", help=f"start this one (repeatable; default: {names}); any other id serves any model"
    )
    parser.add_argument(
        "--wire", action="append", default=[], metavar="[ID=]FORMAT", help=f"one of {', '.join(WireName)} (default: openai)"
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="[ID=]JSON", help="a fault for every request (repeatable), see docs/simulator.md"
    )
    parser.add_argument("--api-key", help="answer 401 to requests without this key")
    parser.add_argument("--chunk-delay", type=float, metavar="SECONDS", help="pause before every event of a stream")
    parser.add_argument("--words", type=int, metavar="N", help="make answers at least this long")
    parser.add_argument("--echo", metavar="TEXT", help="put this text at the end of every answer")
    parser.add_argument(
        "--record-bodies", action="store_true", help="keep raw requests in memory for GET /ledger/bodies (tests only: this is content)"
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="PEM certificate chain: speak TLS")
    parser.add_argument("--tls-key", metavar="FILE", help="PEM private key, if it is not in the certificate's file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
