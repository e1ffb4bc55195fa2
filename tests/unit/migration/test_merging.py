# ruff: noqa: E501 - a pair of files is easiest to compare as two lines
import itertools
import re
import shutil
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.merging import merged
from dashtam_tasks.migration.planning.equivalence import Difference, Resolvable, undeclared

pytestmark = pytest.mark.shapes

ROOT = Path(__file__).parents[3]
SHAPES = ROOT / "tests" / "shapes"
BROKEN = {"broken-yaml"}
EXAMPLES = 25
OVERLAID = sorted(
    path.parent.name
    for path in SHAPES.glob("*/shape.yml")
    if yaml.safe_load(path.read_text())["test_file"] == "overlay" and path.parent.name not in BROKEN
)

Differ = Callable[..., tuple[Difference, ...]]


def fold(folder: Path, *names: str) -> Document:
    base, *overlays = (Document.read(folder / name) for name in names)
    return reduce(
        lambda one, other: merged(one, other, base_folder=(folder / names[0]).parent), overlays, base
    )


def differences(folder: Path, names: list[str], values: dict[str, str]) -> tuple[Difference, ...]:
    """Merge files of a folder, and compare what Compose makes of them and of the result beside the first."""
    document = fold(folder, *names)
    result = folder / Path(names[0]).parent / "merged.yml"
    result.write_bytes(document.text.encode())
    before = Resolvable(root=folder, files=tuple(folder / name for name in names))
    return undeclared(before, Resolvable(root=folder, files=(result,)), values=values, declared=())


def service(body: str) -> str:
    return "services:\n  a:\n" + "".join(f"    {line}\n" for line in body.splitlines())


# What a service of the base has, what the overlay has, and what the service of the merged file then is.
SERVICES: dict[str, tuple[str, str, str]] = {
    "a scalar": ("image: x\nuser: u # c", "user: v", "image: x\nuser: v # c"),
    "nothing over a scalar": ("image: x\nuser: u", "user:", "image: x\nuser: u"),
    "a command": ("image: x\ncommand: [a, b]", "command: c d", "image: x\ncommand: c d"),
    "an empty command": ("image: x\ncommand: [a, b]", "command:", "image: x\ncommand:"),
    "an entrypoint": ("image: x\nentrypoint: a", "entrypoint: [b, c]", "image: x\nentrypoint:\n  - b\n  - c"),
    "a health check": (
        "image: x\nhealthcheck:\n  test: [CMD, a]\n  interval: 1s # c", "healthcheck: { test: b, retries: 3 }",
        "image: x\nhealthcheck:\n  test: b\n  interval: 1s # c\n  retries: 3",
    ),
    "environment, maps": (
        "image: x\nenvironment:\n  A: 1 # a\n  B: 2\n  C: 3", "environment:\n  B:\n  # On D.\n  D: ${D:-4} # d",
        "image: x\nenvironment:\n  A: 1 # a\n  B:\n  C: 3\n  # On D.\n  D: ${D:-4} # d",
    ),
    "environment, lists": (
        "image: x\nenvironment:\n  - A=1 # a\n  - B=2", "environment:\n  - B\n  # On D.\n  - D=${D:-4} # d",
        "image: x\nenvironment:\n  - A=1 # a\n  - B\n  # On D.\n  - D=${D:-4} # d",
    ),
    "environment, a list over a map": ("image: x\nenvironment:\n  A: 1\n  B: 2", 'environment: [B=x=y, C, "D="]', 'image: x\nenvironment:\n  A: 1\n  B: x=y\n  C:\n  D: ""'),
    "environment, a map over a list": (
        "image: x\nenvironment:\n  - A=1\n  - B=2", 'environment: { A: true, B: , C: 1.50, D: 2.0, E: 007, F: "${X:-1}" }',
        "image: x\nenvironment:\n  - A=true\n  - B\n  - C=1.5\n  - D=2\n  - E=7\n  - F=${X:-1}",
    ),
    "environment, a variable as a name": ("image: x\nenvironment:\n  - A=1\n  - ${X:-A}=2", "environment: [A=3]", "image: x\nenvironment:\n  - A=1\n  - ${X:-A}=2\n  - A=3"),
    "labels": ("image: x\nlabels: [a=1, b=2]", "labels: { b: , c: 1 }", "image: x\nlabels: [a=1, b, c=1]"),
    "annotations": ("image: x\nannotations: { a: 1 }", "annotations: [a=2]", 'image: x\nannotations: { a: "2" }'),
    "sysctls": ("image: x\nsysctls:\n  - a=1", "sysctls: { a: 2 }", "image: x\nsysctls:\n  - a=2"),
    "hosts, lists": ("image: x\nextra_hosts:\n  - a:1.1.1.1", 'extra_hosts: ["a:1.1.1.1", "a:2.2.2.2"]', "image: x\nextra_hosts:\n  - a:1.1.1.1\n  - a:2.2.2.2"),
    "hosts, maps": ("image: x\nextra_hosts:\n  a: 1.1.1.1", "extra_hosts: { a: 2.2.2.2, b: 3.3.3.3 }", "image: x\nextra_hosts:\n  a:\n    - 1.1.1.1\n    - 2.2.2.2\n  b: 3.3.3.3"),
    "hosts, a list over a map": ("image: x\nextra_hosts:\n  a: 1.1.1.1", 'extra_hosts: ["a:1.1.1.1"]', "image: x\nextra_hosts:\n  - a=1.1.1.1\n  - a:1.1.1.1"),
    "hosts, a map over a list": ("image: x\nextra_hosts:\n  - a:1.1.1.1", "extra_hosts: { a: 2.2.2.2, b: [3.3.3.3] }", "image: x\nextra_hosts:\n  - a:1.1.1.1\n  - a=2.2.2.2\n  - b=3.3.3.3"),
    "ports": (
        'image: x\nports:\n  - "80:80" # web\n  - "90:90"', 'ports:\n  # Debugger.\n  - "5678:5678" # debugpy\n  - "80:80"',
        'image: x\nports:\n  - "80:80" # web\n  - "90:90"\n  # Debugger.\n  - "5678:5678" # debugpy',
    ),
    "ports, long over short": (
        'image: x\nports:\n  - "80:80"', 'ports:\n  - target: 80 # web\n    published: "80"\n    name: web',
        'image: x\nports:\n  - "80:80"\n  - target: 80 # web\n    published: "80"\n    name: web',
    ),
    "ports, long": (
        'image: x\nports:\n  - target: 80\n    published: "80"\n  - target: 90', 'ports:\n  - { target: 80, published: "80", name: web }\n  - "70-72:70-72"',
        'image: x\nports:\n  - target: 80\n    published: "80"\n    name: web\n  - target: 90\n  - "70-72:70-72"',
    ),
    "ports, a number": ('image: x\nports: ["80:80", "90:90"]', "ports: [{target: 80, published: 80}]", 'image: x\nports: ["80:80", "90:90", { target: 80, published: 80 }]'),
    "ports of variables": ('image: x\nports: ["${A:-1}:80"]', 'ports: ["${B:-1}:80"]', 'image: x\nports: ["${A:-1}:80", "${B:-1}:80"]'),
    "volumes": (
        "image: x\nvolumes:\n  - ./src:/src # code\n  - ./data:/data\n  - /cache", "volumes:\n  # Another.\n  - ${DATA:-./test}:/data:ro\n  - ./env:/env",
        "image: x\nvolumes:\n  - ./src:/src # code\n  # Another.\n  - ${DATA:-./test}:/data:ro\n  - /cache\n  - ./env:/env",
    ),
    "volumes, long over short": (
        "image: x\nvolumes:\n  - ./src:/src\n  - ./data:/data/", "volumes:\n  - type: tmpfs\n    target: /data\n  - { type: bind, source: ./b, target: /b }",
        "image: x\nvolumes:\n  - ./src:/src\n  - type: tmpfs\n    target: /data\n  - { type: bind, source: ./b, target: /b }",
    ),
    "volumes whose target is a variable": ('image: x\nvolumes: [./a:/a, "./b:${B:-/a}"]', "volumes: [./c:/a]", 'image: x\nvolumes: [./a:/a, "./b:${B:-/a}", ./c:/a]'),
    "devices": ("image: x\ndevices:\n  - /dev/a:/dev/a\n  - /dev/b", 'devices: ["/dev/c:/dev/a", "/dev/b:/dev/b:r"]', "image: x\ndevices:\n  - /dev/c:/dev/a\n  - /dev/b:/dev/b:r"),
    "exposed ports": ('image: x\nexpose: [80, "90"]', 'expose: ["80", 90, "91/udp"]', 'image: x\nexpose: [80, "90", 91/udp]'),
    "capabilities": ("image: x\ncap_add: [A, B]\nsecurity_opt: [a]", "cap_add: [B, C]\nsecurity_opt: [a, b]", "image: x\ncap_add: [A, B, C]\nsecurity_opt: [a, b]"),
    "name servers": ("image: x\ndns: 1.1.1.1", "dns: [1.1.1.1, 2.2.2.2]", "image: x\ndns:\n  - 1.1.1.1\n  - 2.2.2.2"),
    "a name server": ("image: x\ndns: [1.1.1.1]", "dns: 2.2.2.2\ndns_search: x", "image: x\ndns: [1.1.1.1, 2.2.2.2]\ndns_search: x"),
    "tmpfs": ("image: x\ntmpfs: /a", "tmpfs: [/b, /a]", "image: x\ntmpfs:\n  - /a\n  - /b"),
    "profiles": ("image: x\nprofiles: [a]", "profiles: [a, b]", "image: x\nprofiles: [a, b]"),
    "env files": (
        "image: x\nenv_file: ./a.env", "env_file:\n  - ./b.env\n  - path: ./a.env\n    required: false",
        "image: x\nenv_file:\n  - path: ./a.env\n    required: false\n  - ./b.env",
    ),
    "an env file": ("image: x\nenv_file:\n  - ./a.env", "env_file: ./b.env", "image: x\nenv_file:\n  - ./a.env\n  - ./b.env"),
    "build, a map over a text": ("build: ./x # c", "build:\n  dockerfile: F", "build: # c\n  context: ./x\n  dockerfile: F"),
    "build, a text over a map": ("build: { context: ., target: t }", "build: ./y", "build: { context: ./y, target: t }"),
    "build, texts": ("build: .", "build: ./y", "build: ./y"),
    "build, arguments": ("build:\n  context: .\n  args:\n    - A=1\n    - B", "build: { args: { B: 2 }, tags: [x] }", "build:\n  context: .\n  args:\n    - A=1\n    - B=2\n  tags:\n    - x"),
    "ulimits": (
        "image: x\nulimits:\n  nofile: 1\n  nproc: { soft: 1, hard: 2 }", "ulimits: { nofile: { soft: 3, hard: 4 }, nproc: { soft: 2 }, core: 0 }",
        "image: x\nulimits:\n  nofile:\n    soft: 3\n    hard: 4\n  nproc: { soft: 2, hard: 2 }\n  core: 0",
    ),
    "logging, another driver": ("image: x\nlogging:\n  driver: a\n  options: { x: 1 }", "logging: { driver: b, options: { y: 1 } }", "image: x\nlogging:\n  driver: b\n  options: { y: 1 }"),
    "logging, the same driver": ("image: x\nlogging:\n  driver: a\n  options: { x: 1 }", "logging: { options: { y: 1 } }", "image: x\nlogging:\n  driver: a\n  options: { x: 1, y: 1 }"),
    "deploy": (
        "image: x\ndeploy:\n  labels: [a=1]\n  placement: { constraints: [p] }", "deploy: { labels: { a: 2 }, replicas: 2, placement: { constraints: [p, q] } }",
        "image: x\ndeploy:\n  labels: [a=2]\n  placement: { constraints: [p, q] }\n  replicas: 2",
    ),
    "watch": (
        "build: .\ndevelop:\n  watch:\n    - { path: ./a, action: rebuild }", "develop:\n  watch:\n    - { path: ./a, action: rebuild }\n    - { path: ./b, action: rebuild }",
        "build: .\ndevelop:\n  watch:\n    - { path: ./a, action: rebuild }\n    - { path: ./b, action: rebuild }",
    ),
    "!reset": (
        "image: x\n# Ports.\nports:\n  - 80:80\nenvironment:\n  A: 1\n  B: 2\nuser: u", "ports: !reset []\nenvironment: { A: !reset null }\nuser: !reset v\nhostname: !reset h",
        "image: x\nenvironment:\n  B: 2",
    ),
    "!reset of an item": ('image: x\nports: ["80:80"]', 'ports: [!reset "80:80", "90:90"]', 'image: x\nports: ["80:80", "90:90"]'),
    "!override": (
        "image: x\nports:\n  - 80:80 # kept\n  - 90:90\nenvironment: [A=1]", "# Other ports.\nports: !override\n  - 80:80\n  - 70:70\nenvironment: !override { B: 2 }\nlabels: !override [a=1]",
        "image: x\n# Other ports.\nports:\n  - 80:80 # kept\n  - 70:70\nenvironment:\n  B: 2\nlabels:\n  - a=1",
    ),
    "what the base resets itself": ("image: x\nports: !reset\n  - 80:80\nuser: u", "ports:\n  - 90:90", "image: x\nuser: u\nports:\n  - 90:90"),
    "comments": (
        "image: x\n# The user.\nuser: u", "# A test user,\n# root.\nuser: root\n# Why not.\nprivileged: true # always\n# The name.\nhostname: h",
        "image: x\n# The user.\n# A test user,\n# root.\nuser: root\n# Why not.\nprivileged: true # always\n# The name.\nhostname: h",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("base", "overlay", "expected"), SERVICES.values(), ids=SERVICES.keys())
def test_a_service(tmp_path: Path, base: str, overlay: str, expected: str) -> None:
    for name in ("a.env", "b.env"):
        (tmp_path / name).write_text(f"FROM_{name[0]}=1\n")
    (tmp_path / "base.yml").write_text(service(base))
    (tmp_path / "overlay.yml").write_text(service(overlay))
    assert fold(tmp_path, "base.yml", "overlay.yml").text == service(expected)
    assert differences(tmp_path, ["base.yml", "overlay.yml"], {}) == ()


# Files of a base, of an overlay, and what comes of them.
FILES: dict[str, tuple[str, str, str]] = {
    "sections that only the overlay has": (
        "# Base.\nservices:\n  a: { image: x }\n",
        "# Overlay.\nservices:\n  # For tests.\n  b:\n    image: y # yes\n    volumes:\n      # Data.\n      - v1:/v\nvolumes:\n  v1: # here\n    driver: local\nx-a: &a { b: 1 }\n",
        "# Base.\nservices:\n  a: { image: x }\n  # For tests.\n  b:\n    image: y # yes\n    volumes:\n      # Data.\n      - v1:/v\n\nvolumes:\n  v1: # here\n    driver: local\n\nx-a: { b: 1 }\n",
    ),
    "a project's name": ("services:\n  a: { image: x }\n", "name: shop\nversion: '3'\n", "name: shop\nservices:\n  a: { image: x }\n"),
    "another name": ("name: shop # c\nservices:\n  a: { image: x }\n", "name: test\n", "name: test # c\nservices:\n  a: { image: x }\n"),
    "no change, no byte": ("services:\n  a: {image:   x}\n", "# Why.\nservices:\n  # About a.\n  a: { image: x }\n", "services:\n  a: {image:   x}\n"),
    "a service that is reset": ("services:\n  a: { image: x }\n  # Seeds.\n  b: &b\n    image: y\n  c:\n    <<: *b\n", "services:\n  b: !reset null\n", "services:\n  a: { image: x }\n  c:\n    image: y\n"),
    "a service that is replaced": ("services:\n  a:\n    image: x\n    user: u\n", "services:\n  a: !override { image: y }\n", "services:\n  a:\n    image: y\n"),
    "dependencies, lists": ("services:\n  a:\n    image: x\n    depends_on: [b]\n  b: { image: x }\n  c: { image: x }\n", "services:\n  a: { depends_on: [b, c] }\n", "services:\n  a:\n    image: x\n    depends_on: [b, c]\n  b: { image: x }\n  c: { image: x }\n"),
    "dependencies, a map over a list": (
        "services:\n  a:\n    image: x\n    depends_on:\n      - b\n  b: { image: x }\n  c: { image: x }\n", "services:\n  a: { depends_on: { c: { condition: service_healthy } } }\n",
        "services:\n  a:\n    image: x\n    depends_on:\n      b:\n        condition: service_started\n      c:\n        condition: service_healthy\n  b: { image: x }\n  c: { image: x }\n",
    ),
    "dependencies, a list over a map": (
        "services:\n  a:\n    image: x\n    depends_on:\n      b:\n        condition: service_healthy\n        required: false\n        restart: true\n  b: { image: x }\n  c: { image: x }\n", "services:\n  a: { depends_on: [b, c] }\n",
        "services:\n  a:\n    image: x\n    depends_on:\n      b:\n        condition: service_started\n        required: true\n        restart: true\n      c:\n        condition: service_started\n  b: { image: x }\n  c: { image: x }\n",
    ),
    "dependencies, maps": (
        "services:\n  a:\n    image: x\n    depends_on: { b: { condition: service_healthy, required: false } }\n  b: { image: x }\n", "services:\n  a: { depends_on: { b: { condition: service_started } } }\n",
        "services:\n  a:\n    image: x\n    depends_on: { b: { condition: service_started, required: false } }\n  b: { image: x }\n",
    ),
    "networks, a map over a list": (
        "services:\n  a:\n    image: x\n    networks: [m]\nnetworks:\n  m:\n", "services:\n  a: { networks: { m: { aliases: [q] }, n: } }\nnetworks: { n: }\n",
        "services:\n  a:\n    image: x\n    networks:\n      m:\n        aliases:\n          - q\n      n:\nnetworks:\n  m:\n  n:\n",
    ),
    "networks, a list over a map": (
        "services:\n  a:\n    image: x\n    networks: { m: { aliases: [q] } }\nnetworks:\n  m:\n", "services:\n  a: { networks: [m, n] }\nnetworks:\n  m: { labels: [a=1] }\n  n: {}\n",
        "services:\n  a:\n    image: x\n    networks: { m: { aliases: [q] }, n: null }\nnetworks:\n  m:\n    labels:\n      - a=1\n  n: {}\n",
    ),
    "labels of networks and volumes": (
        "services:\n  a: { image: x, networks: [m], volumes: ['vv:/v'] }\nnetworks:\n  m: { labels: [a=1, b=2] }\nvolumes:\n  vv: { labels: { a: 1 } }\n", "networks: { m: { labels: { a: 2 } } }\nvolumes: { vv: { labels: [a=2] } }\n",
        "services:\n  a: { image: x, networks: [m], volumes: ['vv:/v'] }\nnetworks:\n  m: { labels: [a=2, b=2] }\nvolumes:\n  vv: { labels: { a: '2' } }\n",
    ),
    "address pools": (
        "services:\n  a: { image: x, networks: [m] }\nnetworks:\n  m:\n    ipam:\n      config:\n        - subnet: 10.0.0.0/24\n          gateway: 10.0.0.1\n", "networks: { m: { ipam: { config: [{ subnet: 10.0.0.0/24, ip_range: 10.0.0.0/25 }, { subnet: 10.1.0.0/24 }] } } }\n",
        "services:\n  a: { image: x, networks: [m] }\nnetworks:\n  m:\n    ipam:\n      config:\n        - subnet: 10.0.0.0/24\n          gateway: 10.0.0.1\n          ip_range: 10.0.0.0/25\n        - subnet: 10.1.0.0/24\n",
    ),
    "secrets and configs": (
        "services:\n  a:\n    image: x\n    secrets: [s, t]\n    configs:\n      - c\n      - { source: d, target: /d }\nsecrets: { s: { file: ./s }, t: { file: ./t } }\nconfigs: { c: { file: ./c }, d: { file: ./d } }\n",
        "services:\n  a:\n    secrets: [t, { source: s, uid: '1' }, { source: s, target: t }]\n    configs: [{ source: c, target: /d }, { source: c, mode: 0440 }]\nsecrets: { s: { file: ./other } }\n",
        'services:\n  a:\n    image: x\n    secrets: [{ source: s, uid: "1" }, t, { source: s, target: t }]\n    configs:\n      - source: c\n        mode: 288\n      - { source: c, target: /d }\nsecrets: { s: { file: ./other }, t: { file: ./t } }\nconfigs: { c: { file: ./c }, d: { file: ./d } }\n',
    ),
    "x- fields": ("x-a:\n  b: 1\n  l: [1]\nservices:\n  a: { image: x }\n", "x-a: { c: 2, l: [1, 2] }\n", "x-a:\n  b: 1\n  l: [1, 2]\n  c: 2\nservices:\n  a: { image: x }\n"),
    "what others merge: one key": (
        "services:\n  a: &a\n    image: x\n    command: c\n    environment:\n      A: 1 # a\n  b:\n    <<: *a\n    user: u\n", "services:\n  a: { command: d, environment: { B: 2 } }\n",
        "services:\n  a: &a\n    image: x\n    command: d\n    environment:\n      A: 1 # a\n      B: 2\n  b:\n    <<: *a\n    user: u\n    command: c\n    environment:\n      A: 1\n",
    ),
    "what others merge: a new key": (
        "services:\n  a: &a\n    image: x\n  b:\n    <<: *a\n    user: u\n", "services:\n  a:\n    # New.\n    tty: true\n",
        "services:\n  a: &a\n    image: x\n    # New.\n    tty: true\n  b:\n    user: u\n    image: x\n",
    ),
    "what is merged in": (
        "x-env: &env\n  A: 1\n  B: 2\nservices:\n  a:\n    image: x\n    environment: *env\n  b:\n    image: x\n    environment:\n      <<: *env\n      C: 3\n", "services:\n  a: { environment: { A: 5 } }\n  b: { environment: { A: !reset null } }\n",
        "x-env: &env\n  A: 1\n  B: 2\nservices:\n  a:\n    image: x\n    environment:\n      A: 5\n      B: 2\n  b:\n    image: x\n    environment:\n      C: 3\n      B: 2\n",
    ),
    "anchors of the overlay": (
        "services:\n  a:\n    image: x\n", "x-env: &env\n  A: 1 # a\nservices:\n  a:\n    environment: *env\n  b:\n    image: &image y # i\n    environment:\n      <<: *env\n      B: 2\n  c:\n    image: *image\n",
        "services:\n  a:\n    image: x\n    environment:\n      A: 1\n  b:\n    image: y\n    environment:\n      B: 2\n      A: 1\n  c:\n    image: y\n\nx-env:\n  A: 1 # a\n",
    ),
    "CRLF": ("services:\r\n  a:\r\n    image: x\r\n", "services:\n  a:\n    # E.\n    environment:\n      A: |\n        1\n        2\n", "services:\r\n  a:\r\n    image: x\r\n    # E.\r\n    environment:\r\n      A: |\r\n        1\r\n        2\r\n"),
    "no line break at the end": ("services:\n  a:\n    image: x", "services:\n  b:\n    image: y", "services:\n  a:\n    image: x\n  b:\n    image: y"),
    "a service that extends": (
        "services:\n  a:\n    extends: b\n    environment: { A: 1 }\n    command: c\n  b:\n    image: x\n    ports: ['80:80']\n    environment: { B: 1 }\n", "services:\n  a:\n    ports: !reset []\n    command: !override d # e\n    user: u\n",
        "services:\n  a:\n    extends: b\n    environment: { A: 1 }\n    ports: !reset []\n    command: !override d # e\n    user: u\n  b:\n    image: x\n    ports: ['80:80']\n    environment: { B: 1 }\n",
    ),
    "a new service that extends": ("services:\n  a: { image: x }\n", "services:\n  b:\n    extends: c\n  c: { image: y }\n", "services:\n  a: { image: x }\n  b:\n    extends: c\n  c: { image: y }\n"),
}  # fmt: skip


@pytest.mark.parametrize(("base", "overlay", "expected"), FILES.values(), ids=FILES.keys())
def test_files(tmp_path: Path, base: str, overlay: str, expected: str) -> None:
    (tmp_path / "base.yml").write_bytes(base.encode())
    (tmp_path / "overlay.yml").write_bytes(overlay.encode())
    assert fold(tmp_path, "base.yml", "overlay.yml").text == expected
    assert differences(tmp_path, ["base.yml", "overlay.yml"], {}) == ()


def test_paths_of_an_overlay_elsewhere_are_taken_from_the_first_file(tmp_path: Path) -> None:
    for folder in ("base", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "common.yml").write_text(
            f"services: {{ c: {{ image: {folder}, volumes: [./c:/c] }} }}\n"
        )
        (tmp_path / folder / "more.yml").write_text(
            f"services: {{ more: {{ image: {folder}, build: ./m }} }}\n"
        )
        (tmp_path / folder / "a.env").write_text(f"A={folder}\n")
    (tmp_path / "base" / "base.yml").write_text(service("build: ."))
    (tmp_path / "tests" / "overlay.yml").write_text(
        "include: [more.yml]\nservices:\n  a: { volumes: [./v:/v], env_file: a.env }\n  b: { extends: { file: common.yml, service: c } }\n"
    )
    assert differences(tmp_path, ["base/base.yml", "tests/overlay.yml"], {}) == ()


def test_what_the_base_includes_stays_below_it(tmp_path: Path) -> None:
    (tmp_path / "more.yml").write_text("services: { more: { image: x, environment: { A: 1 } } }\n")
    (tmp_path / "base.yml").write_text("include:\n  - more.yml # c\n" + service("image: x"))
    (tmp_path / "overlay.yml").write_text(
        "services: { more: { environment: { A: 2 } }, new: { image: y } }\n"
    )
    assert differences(tmp_path, ["base.yml", "overlay.yml"], {}) == ()


A, B = "services:\n  a:\n    image: x\n", "  b:\n    image: x\n    extends: a\n"
REFUSED: dict[str, tuple[str, str, str, str]] = {
    "a list over a mapping": (A + "    healthcheck: { test: a }\n", "services:\n  a:\n    healthcheck: [a]\n", "overlay.yml:3", "mapping in the base"),
    "a mapping over a list": (A + "    cap_add: [a]\n", "services:\n  a:\n    cap_add: { a: b }\n", "overlay.yml:3", "cap_add is a list"),
    "a variable as a name over a map": (A + "    environment: { A: 1 }\n", "services:\n  a:\n    environment:\n      - ${X}=1\n", "overlay.yml:4", "the name is in a variable"),
    "a sign in a name over a list": (A + "    labels: [a=1]\n", "services:\n  a:\n    labels:\n      a$b: 1\n", "overlay.yml:4", "means a variable"),
    "a large number over a list": (A + "    labels: [a=1]\n", "services:\n  a:\n    labels:\n      b: 1e30\n", "overlay.yml:4", "1e+30"),
    "a driver in a variable": (A + "    logging: { driver: a }\n", "services:\n  a:\n    logging:\n      driver: ${D}\n", "overlay.yml:4", "depends on a variable"),
    "a port that may be another": (A + "    ports: ['${P}:80', { target: 80, published: '81' }]\n", "services:\n  a:\n    ports:\n      - ${P}:80\n", "overlay.yml:4", "is not known"),
    "two values of one name": (A + "    environment: [A=2]\n", "services:\n  a:\n    environment:\n      - A=1\n      - A=2\n", "overlay.yml:5", "something else in line 4"),
    "a subnet in a variable": ("networks:\n  m: { ipam: { config: [{ subnet: 10.0.0.0/24 }] } }\n", "networks:\n  m:\n    ipam:\n      config:\n        - subnet: ${S}\n", "overlay.yml:5", "depends on a variable"),
    "a service that others extend": (A + B, "services:\n  a: { user: u }\n", "base.yml:6", "changes a, which b extends"),
    "another that extends": (A, "services:\n  a:\n    extends: b\n  b: { image: x }\n", "overlay.yml:3", "a is in the base too"),
    "an extended service of the same name": (A, "services:\n  a: { image: x }\n  b:\n    extends: a\n", "overlay.yml:4", "the base has one too"),
    "a reset in a list that is extended": (A.replace("a:", "b:") + "  a:\n    extends: b\n    environment: { A: 1 }\n", "services:\n  a:\n    environment:\n      A: !reset null\n", "overlay.yml:4", "tag cannot be kept"),
    "a driver over an extended service": (A.replace("a:", "b:") + "  a:\n    extends: b\n    logging: { options: { x: y } }\n", "services:\n  a:\n    logging: { driver: b }\n", "overlay.yml:3", "extended service"),
    "what is reset over an extended service": (A.replace("a:", "b:") + "  a:\n    extends: b\n    ports: !reset []\n", "services:\n  a:\n    ports: [80]\n", "base.yml:6", "is set by the overlay"),
    "an include of the base's service": (A, "services:\n  b: { image: x }\ninclude:\n  - more.yml\n", "overlay.yml:3", "includes services.a"),
    "an include of a variable": (A, "include:\n  - ${MORE}.yml\n", "overlay.yml:2", "depends on a variable"),
    "a tag over what is included": ("include: [more.yml]\n", "services:\n  a:\n    image: !reset null\n", "overlay.yml:2", "services.a of a file that the base includes"),
}  # fmt: skip


@pytest.mark.parametrize(("base", "overlay", "where", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_merged_is_refused(
    tmp_path: Path, base: str, overlay: str, where: str, words: str
) -> None:
    (tmp_path / "base.yml").write_text(base)
    (tmp_path / "overlay.yml").write_text(overlay)
    (tmp_path / "more.yml").write_text("services: { a: { image: y } }\n")
    with pytest.raises(DashtamError) as caught:
        fold(tmp_path, "base.yml", "overlay.yml")
    assert caught.value.code == ExitCode.DATA
    assert caught.value.reason.startswith(f"{tmp_path}/{where}: ")
    assert words in caught.value.reason
    assert caught.value.hint


def files_of(options: list[str]) -> list[str]:
    return [name for option, name in itertools.pairwise(options) if option == "-f"]


def env_values(folder: Path) -> dict[str, str]:
    lines = [
        line for name in (".env", ".env.test", "docker/.env") if (folder / name).is_file()
        for line in (folder / name).read_text().splitlines()
    ]  # fmt: skip
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("'\"") for key, _, value in pairs}


@pytest.mark.parametrize("shape", OVERLAID)
def test_a_shape(tmp_path: Path, shape: str) -> None:
    folder = tmp_path / "project"
    shutil.copytree(SHAPES / shape / "project", folder, symlinks=True)
    names = files_of(yaml.safe_load((SHAPES / shape / "shape.yml").read_text())["tests"])
    required = {"DB_PASSWORD": "made-up"}
    assert differences(folder, names, required | env_values(folder)) == ()
    base, *overlays = (Document.read(folder / name) for name in names)
    result = fold(folder, *names)
    for path in places(base):
        if not any(
            overlay.has(path) or (overlay.has(path[:2]) and overlay.tag(path[:2])) for overlay in overlays
        ):
            assert result.raw(path) == base.raw(path)
    assert ("\r\n" in result.text, "\n" in result.text.replace("\r\n", "")) == (
        "\r\n" in base.text,
        "\n" in base.text.replace("\r\n", ""),
    )


def places(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield the paths of what services say, and of what other sections hold, as far as it is written there."""
    for section in document.keys(()):
        depth = 3 if section == "services" else 2
        for name in document.keys((section,)):
            paths = (
                [(section, name, key) for key in document.keys((section, name))]
                if depth > 2
                else [(section, name)]
            )
            yield from (path for path in paths if document.written(path))


def test_the_example(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "example", tmp_path / "example")
    folder, names = tmp_path / "example", ["docker-compose.yml", "docker-compose.test.yml"]
    assert differences(folder, names, {}) == ()
    base, result = Document.read(folder / names[0]).text.splitlines(), fold(folder, *names).text.splitlines()
    lost = [line.split(":")[0].strip() for line in base if line not in result]
    variables = ["ENVIRONMENT", "DEBUG", "SSL_ENABLED", "DATABASE_URL", "CALLBACK_BASE_URL"]
    binds = ["- { type"] * 4
    assert lost == [
        *("POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD", "test"),
        *("command", *variables, *binds),
        *("SSL_ENABLED", "API_BASE_URL"),
    ]
    assert "  # The app's container idles; the Makefile runs the tests in it." in result


def test_merging_again_changes_nothing(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "example", tmp_path / "example")
    names = ["docker-compose.yml", "docker-compose.test.yml"]
    assert fold(tmp_path / "example", *names, names[1]).text == fold(tmp_path / "example", *names).text


NAMES = st.sampled_from(["A", "B", "C"])
TEXTS = st.sampled_from(["1", "x y", "${V:-d}", "a=b", "on", ""])
PAIRED = st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3)
ITEMS = PAIRED.map(lambda found: [f"{key}={value}" for key, value in found.items()])


def several(*items: object) -> st.SearchStrategy[list[object]]:
    return st.lists(st.sampled_from(items), min_size=1, max_size=3, unique_by=mounted)


def mounted(item: object) -> str:
    """Return what an item is about in the container, so that no list says two things about one."""
    target = item["target"] if isinstance(item, dict) else re.sub(r":(ro|-/a\})$|/udp$", "", str(item))
    return str(target).rpartition(":")[2].strip("/").replace("${T", "a")


BODIES = st.fixed_dictionaries(
    {},
    optional={
        "command": TEXTS | several("a", "b"),
        "environment": PAIRED | ITEMS,
        "labels": PAIRED | ITEMS,
        "build": st.sampled_from(["./x", {"context": "./y", "args": ["A=1"]}, {"dockerfile": "F", "args": {"A": 2, "B": 1.5}}]),
        "ports": several("80:80", "${P:-80}:80", "127.0.0.1:80:80", {"target": 80, "published": "80", "name": "n"}, "70-71:70-71/udp"),
        "volumes": several("./a:/a", "vv:/a/:ro", "${S:-./b}:/b", {"type": "tmpfs", "target": "/b"}, "/c", "./d:${T:-/a}"),
        "networks": several("m", "n") | st.just({"m": {"aliases": ["q"]}}) | st.just({"n": None}),
        "depends_on": several("b", "c") | st.just({"b": {"condition": "service_healthy", "restart": True}}),
        "dns": st.just("1.1.1.1") | several("1.1.1.1", "${D:-2.2.2.2}", "3.3.3.3"),
        "logging": st.sampled_from([{"driver": "a", "options": {"x": "1"}}, {"driver": "b"}, {"options": {"y": "2"}}]),
        "ulimits": st.sampled_from([{"nofile": 1}, {"nofile": {"soft": 1, "hard": 2}}, {"nproc": 3}]),
    },
)  # fmt: skip


@st.composite
def file_texts(draw: st.DrawFn) -> str:
    """A file with a service, and perhaps another that merges it."""
    anchored = draw(st.booleans())
    body = draw(BODIES)
    lines = yaml.safe_dump(
        {"image": "x", **body}, sort_keys=False, default_flow_style=draw(st.sampled_from([None, False]))
    ).splitlines()
    comments = draw(st.lists(st.booleans(), min_size=len(lines), max_size=len(lines)))
    commented = [
        part for line, wanted in zip(lines, comments, strict=True)
        for part in (*([f"# On {line.split(':')[0]}."] if wanted and line[0].isalpha() else []), line)
    ]  # fmt: skip
    text = (
        "services:\n  a:"
        + (" &a" if anchored else "")
        + "\n"
        + "".join(f"    {line}\n" for line in commented)
    )
    text += "  b:\n    " + ("<<: *a\n    depends_on: [c]\n    user: u\n" if anchored else "image: x\n")
    return text + "  c: { image: x }\nnetworks: { m: , n: }\nvolumes:\n  vv:\n"


def test_generated_files(tmp_path: Path) -> None:
    refusals: list[str] = []

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(base=file_texts(), overlay=file_texts())
    def merge_them(base: str, overlay: str) -> None:
        (tmp_path / "base.yml").write_text(base)
        (tmp_path / "overlay.yml").write_text(overlay)
        try:
            Resolvable(root=tmp_path, files=(tmp_path / "base.yml", tmp_path / "overlay.yml")).model({})
        except DashtamError:
            return
        try:
            fold(tmp_path, "base.yml", "overlay.yml")
        except DashtamError as error:
            refusals.append(error.reason)
            return
        assert differences(tmp_path, ["base.yml", "overlay.yml"], {}) == ()

    merge_them()
    expected = re.compile(r".*(below is not known|something else in line \d+)\.")
    assert all(expected.fullmatch(reason) for reason in refusals)
    assert len(refusals) < EXAMPLES // 2
