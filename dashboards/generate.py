#!/usr/bin/env python3
"""Makes the Grafana dashboards with Grafana's own Foundation SDK, or checks those that lie here.

    testbed/python dashboards/generate.py            write them anew
    testbed/python dashboards/generate.py --check    fail when one is not what this makes, or is not of the SDK's schema
"""

import json
import pathlib
import sys

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

import agent
import balancer
import collector
import overview
import service

HERE = pathlib.Path(__file__).resolve().parent
MADE = {
    "overview.json": overview.make,
    "service.json": service.make,
    "balancer.json": balancer.make,
    "collector.json": collector.make,
    "agent.json": agent.make,
}


def text(made):
    """A dashboard as it is kept: keys in order, so that differences are small."""
    return json.dumps(json.loads(json.dumps(made, cls=JSONEncoder)), indent=2, sort_keys=True) + "\n"


def lost(given, kept, where):
    """What the schema's models do not know of, and so did not keep."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key not in kept:
                if value is not None:
                    yield f"{where}.{key}"
            else:
                yield from lost(value, kept[key], f"{where}.{key}")
    elif isinstance(given, list) and isinstance(kept, list):
        for index, (one, other) in enumerate(zip(given, kept)):
            yield from lost(one, other, f"{where}[{index}]")
        if len(given) != len(kept):
            yield f"{where}: {len(given)} items became {len(kept)}"
    elif given != kept:
        yield f"{where}: {given!r} became {kept!r}"


def faults_of(path):
    """What is wrong with a dashboard by the SDK's schema."""
    given = json.loads(path.read_text())
    try:
        kept = json.loads(json.dumps(Dashboard.from_json(given), cls=JSONEncoder))
    except (KeyError, TypeError, ValueError) as error:
        return [f"{path.name}: {error!r}"]
    return [f"{path.name}{fault}" for fault in lost(given, kept, "")]


def main(arguments):
    plugins.register_default_plugins()
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    faults = []
    for name, make in MADE.items():
        path, wanted = HERE / name, text(make())
        if not arguments:
            path.write_text(wanted)
        elif not path.exists() or path.read_text() != wanted:
            faults.append(f"{name} is not what generate.py makes: run it without --check")
    for path in sorted(HERE.glob("*.json")):
        faults += faults_of(path)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
