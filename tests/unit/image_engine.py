"""The `docker` of test_images.py: an engine that has images, in engine.json beside it, and a registry or none."""

import itertools
import json
import sys
from pathlib import Path
from typing import Any

STATE = Path(__file__).with_name("engine.json")
OK, SERVER_ERROR = 200, 500


def values(argv: list[str], option: str) -> list[str]:
    """Return the values that `option` has in `argv`, as `--option value` or `--option=value`."""
    parts = [part for one in argv for part in (one.split("=", 1) if one.startswith("--") else [one])]
    return [value for name, value in itertools.pairwise(parts) if name == option]


def image(identity: str, definitions: list[str]) -> dict[str, Any]:
    """Return an image as `docker image inspect` shows it, with labels."""
    return {"Id": identity, "Config": {"Labels": dict(one.split("=", 1) for one in definitions)}}


class Engine:
    """What the docker command does with images; every method takes the arguments and returns an exit code."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.images = state["images"]
        self.new_id = f"sha256:{len(state['calls']):064x}"

    def image(self, verb: str, *argv: str) -> int:
        reference = argv[-1]
        if verb == "rm":
            del self.images[reference]
            return 0
        found = self.images.get(reference)
        sys.stdout.write(json.dumps([found] if found else []))
        return 0 if found else 1

    def version(self, *_: str) -> int:
        sys.stdout.write("28.5.2")
        return 0

    def system(self, *_: str) -> int:
        self.state["asked"].append(sys.stdin.readline().split()[1])
        sys.stdout.write(f"HTTP/1.1 {self.state['registry'] or SERVER_ERROR} Status\r\n\r\n")
        return 0

    def pull(self, *argv: str) -> int:
        if self.state["registry"] != OK:
            sys.stderr.write("Error response from daemon: denied\n")
            return 1
        self.images[argv[-1]] = image(self.new_id, [])
        return 0

    def import_(self, *argv: str) -> int:
        sys.stdin.buffer.read()
        instructions = [one.split(" ", 1) for one in values([*argv], "--change")]
        labels = [value for name, value in instructions if name == "LABEL"]
        self.images[argv[-1]] = image(self.new_id, labels)
        return 0

    def build(self, *argv: str) -> int:
        if self.state["broken"]:
            sys.stderr.write("E: Unable to locate package\n")
            return 100
        package = f"dashtam-tasks.package={Path(argv[-1]).name}"
        made = image(self.new_id, [package, *values([*argv], "--label")])
        self.images |= dict.fromkeys(values([*argv], "--tag") or [self.new_id], made)
        Path(values([*argv], "--iidfile")[0]).write_text(self.new_id, encoding="utf-8")
        return 0

    def run(self, *_: str) -> int:
        sys.stdout.write("5:8.0.2-3+deb13u1")
        return 0


def main() -> int:
    state = json.loads(STATE.read_text(encoding="utf-8"))
    state["calls"].append(sys.argv[1:])
    command = sys.argv[1].replace("import", "import_")
    code = int(getattr(Engine(state), command)(*sys.argv[2:]))
    STATE.write_text(json.dumps(state), encoding="utf-8")
    return code


sys.exit(main())
