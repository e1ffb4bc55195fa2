from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dashtam_tasks.compose import Model, Mount, Named, Service
from dashtam_tasks.findings import Severity
from dashtam_tasks.migration import volumes
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.legacy.on_engine import MountPoint, OnEngine, Volume
from dashtam_tasks.migration.planning.equivalence import Resolvable, undeclared
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.names import VOLUME
from dashtam_tasks.migration.volumes.checking import Space, too_little
from dashtam_tasks.migration.volumes.planning import is_postgres

LEGACY = """\
services:
  db: {image: "postgres:17", volumes: ["data:/var/lib/postgresql/data"]}
  web: {image: nginx, volumes: ["files:/files", "shared:/shared"]}
volumes:
  data: # rows
    driver: local
    labels: {a: b}
  files:
  shared: {external: true, name: everybodys}
"""


def model(project: str, prefix: str = "") -> Model:
    """Return what Compose makes of a shop's file."""
    return Model(
        name=project,
        services={
            "db": Service(
                image="postgres:17",
                volumes=(Mount(type="volume", source=f"{prefix}data", target="/var/lib/postgresql/data"),),
            ),
            "web": Service(image="nginx"),
        },
        volumes={
            f"{prefix}data": Named(name=f"{project}_{prefix}data"),
            f"{prefix}bound": Named(
                name=f"{project}_{prefix}bound", driver_opts={"o": "bind", "device": "/srv"}
            ),
            "shared": Named(name="everybodys"),
        },
    )


def found(*names: str, of: Model | None = None) -> Legacy:
    """Return what a survey finds of a shop with these volumes on the engine."""
    present = tuple(
        Volume(
            name=name,
            key="",
            project="shop",
            mounts=(MountPoint(service="db", path="/var/lib/postgresql/data"),),
            holders=(),
        )
        for name in names
    )
    parts: dict[str, Any] = {
        "resolutions": (SimpleNamespace(model=of or model("shop")),),
        "engine": OnEngine(answered=True, volumes=present),
        "folder": Path("/shop"),
    }
    return cast("Legacy", SimpleNamespace(**parts))


def test_only_copying_needs_copies_and_only_of_what_is_there() -> None:
    shop, dev = found("shop_data", "shop_bound", "everybodys", "stray"), model("shop-dev", "dev_")
    assert volumes.planned(shop, dev, mode="adopt") == ()
    assert volumes.planned(shop, dev, mode="none") == ()
    assert volumes.planned(found(), dev, mode="copy") == ()
    assert "EMPTY" in volumes.NOTHING_KEPT


def test_volume_is_copied_to_where_composes_new_file_looks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashtam_tasks.engine.compose_version", lambda: "5.6.1")
    monkeypatch.setattr("dashtam_tasks.engine.images_present", lambda names: names == ("postgres:17",))
    shop, dev = found("shop_data", "shop_bound", "everybodys", "stray"), model("shop-dev", "dev_")
    (one,) = volumes.planned(shop, dev, mode="copy")
    assert (one.source, one.target) == ("shop_data", "shop-dev_dev_data")
    assert (one.service, one.image, one.is_postgres) == ("db", "postgres:17", True)
    assert one.labels == {
        "com.docker.compose.project": "shop-dev",
        "com.docker.compose.volume": "dev_data",
        "com.docker.compose.version": "5.6.1",
    }


@pytest.mark.parametrize(
    ("image", "path", "expected"),
    [
        ("postgres:17-alpine", "/var/lib/postgresql/data", True),
        ("postgres:18", "/var/lib/postgresql", True),
        ("postgis/postgis:16-3.4", "/var/lib/postgresql/data", True),
        ("bitnami/postgresql:16", "/bitnami/postgresql", True),
        ("registry.example/own/db", "/var/lib/postgresql/data", True),
        ("postgres:17", "/backups", False),
        ("mysql:8", "/var/lib/mysql", False),
        ("redis:8", "/data", False),
    ],
)
def test_postgresql_is_known_by_its_image_and_where_it_keeps_data(
    image: str,
    path: str,
    expected: bool,
) -> None:
    shop = Model(name="shop", services={"db": Service(image=image)})
    assert is_postgres(shop, MountPoint(service="db", path=path)) is expected


def test_adopted_volume_is_external_and_all_that_changed_is_declared(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(LEGACY)
    draft = Draft(document=Document(LEGACY, "docker-compose.yml"), environment="dev", project="shop")
    legacy_model = Model(
        name="shop",
        volumes={name: Named(name=f"shop_{name}") for name in ("data", "files")}
        | {"shared": Named(name="everybodys")},
    )
    made = volumes.adopted(VOLUME.apply(draft), found("shop_data", "everybodys", of=legacy_model))
    assert made.document.get(("volumes", "dev_data")) == {"external": True, "name": "shop_data"}
    assert made.document.get(("volumes", "dev_files")) is None
    assert made.document.get(("volumes", "shared")) == {"external": True, "name": "everybodys"}
    assert any("shop_data itself" in one for one in made.remarks)
    (tmp_path / "new.yml").write_text(made.document.text)
    before, after = (
        Resolvable(root=tmp_path, files=(tmp_path / name,)) for name in ("docker-compose.yml", "new.yml")
    )
    assert undeclared(before, after, values={}, declared=made.declared) == ()
    assert "volumes.dev_data.external" in {
        ".".join(one.place) for one in undeclared(before, after, values={}, declared=())
    }


def test_space_is_counted_for_all_copies_on_a_disk_together() -> None:
    disk = Space(used=600 << 20, free=1 << 30, filesystem="/dev/a")
    assert list(too_little([disk])) == []
    (finding,) = too_little([disk, disk, Space(used=1, free=1 << 30, filesystem="/dev/b")])
    assert (finding.where, finding.severity) == ("/dev/a", Severity.ERROR)
    assert "1.2 GiB" in finding.message
