"""Runs benchmarks; `scripts/bench` calls it in the project's environment.

scripts/bench [NAME] [--json]
"""

import argparse
import importlib
import json
import sys
from pathlib import Path

from figures import keep

NOT_BENCHMARKS = {"figures", "run", "sbir_sample", "surroundings"}


def benchmarks() -> list[str]:
    """Names of all benchmarks: modules here with a function `figures`."""
    folder = Path(__file__).parent
    names = (path.stem for path in folder.glob("*.py"))
    return sorted(name for name in names if name not in NOT_BENCHMARKS and not name.startswith("plain_"))


def main() -> int:
    """Run them, print one line per figure, keep the results; 1 if a claim does not hold."""
    known = benchmarks()
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure the figures that Millrace claims.",
        epilog="scripts/bench faults kills whatever can be killed: all of the matrices of which tests run a part.",
    )
    parser.add_argument("name", nargs="?", choices=known, help=f"one of {', '.join(known)} (default: all)")
    parser.add_argument("--json", action="store_true", help="one JSON object per figure, one per line")
    options = parser.parse_args()
    held = True
    for name in [options.name] if options.name else known:
        print(f"measuring {name} …", file=sys.stderr)
        measured = list(importlib.import_module(name).figures())
        for figure in measured:
            line = figure.as_dict()
            held = held and figure.holds is not False
            if options.json:
                print(json.dumps(line, ensure_ascii=False), flush=True)
            else:
                verdict = {True: "holds", False: "does not hold", None: "reported"}[figure.holds]
                print(
                    f"{line['figure']}: {line['value']:,} {line['unit']}, baseline {line['baseline']:,}, "
                    f"ratio {line['ratio']}, {line['target']}: {verdict} ({line['data']})",
                    flush=True,
                )
        print(keep(name, measured), file=sys.stderr)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
