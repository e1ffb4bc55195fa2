"""Base images that are built here from Debian's packages, for machines that no registry answers.

Each folder below images/ has the recipe of one. Its name starts with `localhost/`, so that no engine ever asks
a public registry for it.
"""

import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks import engine, processes
from dashtam_tasks.engine import LOCAL_LABEL, VERSION_LABEL
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.images import rootfs
from dashtam_tasks.images.debian import failure
from dashtam_tasks.images.references import find, labels
from dashtam_tasks.notifying import Notify
from dashtam_tasks.settings import Image, Images

PREFIX = "localhost/dashtam-tasks/"
BASE = "debian"

INPUTS_LABEL = "dashtam-tasks.inputs"
PACKAGE_LABEL = "dashtam-tasks.package"

VERSION = re.compile(r"\d+(?:\.\d+)*")
SERIES = re.compile(r"^ARG SERIES=(\S+)$", re.MULTILINE)
# deb-version(7): an epoch before, Debian's revision behind.
DEBIAN_VERSION = re.compile(r"(?:\d+:)?(?P<upstream>.+?)(?:-[^-]+)?")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a local image is built: its Dockerfile's folder, its reference, and the digest of all that goes in.

    `series` is the part of the software's version that the Dockerfile fixes, such as `17`.
    """

    folder: Path
    reference: str
    inputs: str
    series: str = ""

    @property
    def is_current(self) -> bool:
        """Whether the engine has the image as it would be built now, but for newer packages."""
        image = find(self.reference)
        return image is not None and labels(image).get(INPUTS_LABEL) == self.inputs


def images_folder() -> Path:
    """Return the folder of recipes: in an installed package its own data, in a checkout the repository's."""
    package = Path(__file__).parents[1]
    installed = package / "data/images"
    return installed if installed.is_dir() else package.parent / "images"


def recipe(images: Images, name: str) -> Recipe:
    """Return the recipe called `name`.

    Raises DashtamError (CONFIGURATION) when there is none.
    """
    folder, base = images_folder() / name, images_folder() / BASE
    dockerfile = folder / "Dockerfile"
    if not dockerfile.is_file():
        raise DashtamError(
            f"dashtam.images.base names the build {name}, and there is no {dockerfile}.",
            code=ExitCode.CONFIGURATION,
            hint=f"There is {', '.join(sorted(one.parent.name for one in folder.parent.glob('*/Dockerfile')))}.",
        )
    found = SERIES.search(dockerfile.read_text(encoding="utf-8"))
    series = found[1] if found else ""
    return Recipe(
        folder=folder,
        reference=f"{PREFIX}{name}:{series}-{images.suite}",
        inputs=digest(images, base, folder),
        series=series,
    )


def require_series(image: Image, chosen: Recipe) -> None:
    """See that a recipe can stand in for what is wanted: other versions cannot read their data.

    Raises DashtamError (CONFIGURATION) when it builds another series of the software.
    """
    wanted = VERSION.match(image.reference.rpartition(":")[2])
    if wanted and not f"{wanted[0]}.".startswith(f"{chosen.series}."):
        raise DashtamError(
            f"{image.reference} is wanted, and {chosen.folder} builds {chosen.series} only.",
            code=ExitCode.CONFIGURATION,
            hint="Change the reference in dashtam.images.base, or load the image with `docker load`.",
        )


def digest(images: Images, *folders: Path) -> str:
    """Return a digest of what goes into an image: recipes, suite, mirror and the machine's authorities."""
    total = hashlib.sha256(f"{images.suite}\0{images.mirror}\0".encode())
    for folder in folders:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(folder.parent)}\0{content}\0".encode())
    total.update(rootfs.ca_bundle().read_bytes())
    return total.hexdigest()


def build(
    images: Images,
    *,
    names: Sequence[str] = (),
    no_cache: bool = False,
    report: Notify,
    install: bool = True,
) -> dict[str, str]:
    """Build what is not current among the recipes `names`, by default all, and return their references by name.

    `no_cache` builds everything anew, `install` allows to install debootstrap. Raises DashtamError: USAGE for an
    unknown name, UNAVAILABLE with the last lines of a build that failed, and what rootfs.make raises.
    """
    known = tuple(dict.fromkeys(image.build for image in images.used.values()))
    if unknown := set(names) - set(known):
        raise DashtamError(
            f"There is no base image {', '.join(sorted(unknown))}.",
            code=ExitCode.USAGE,
            hint=f"There is {', '.join(known)}.",
        )
    recipes = {name: recipe(images, name) for name in names or known}
    for image in images.used.values():
        if image.build in recipes:
            require_series(image, recipes[image.build])
    stale = [one for one in recipes.values() if no_cache or not one.is_current]
    if stale:
        base = provide_base(images, no_cache=no_cache, report=report, install=install)
        for one in stale:
            report(f"Building {one.reference}")
            build_image(one, base, no_cache=no_cache)
    return {name: one.reference for name, one in recipes.items()}


def provide_base(images: Images, *, no_cache: bool, report: Notify, install: bool) -> str:
    """Make the image of the suite's minimal system unless the engine has it; return its reference."""
    folder = images_folder() / BASE
    base = Recipe(folder=folder, reference=f"{PREFIX}{BASE}:{images.suite}", inputs=digest(images, folder))
    if no_cache or not base.is_current:
        marks = {LOCAL_LABEL: "true", INPUTS_LABEL: base.inputs, VERSION_LABEL: images.suite}
        rootfs.make(base.reference, images, additions=folder, labels=marks, report=report, install=install)
    return base.reference


def build_image(chosen: Recipe, base: str, *, no_cache: bool) -> None:
    """Build an image on `base`; it gets its name only when it is complete, with the version of what is in it."""
    marks = {LOCAL_LABEL: "true", INPUTS_LABEL: chosen.inputs, VERSION_LABEL: ""}
    cache = ("--no-cache",) if no_cache else ()
    # Labelled like the second, which would be its child in the classic builder and keep it from going.
    first = docker_build(chosen.folder, base, *cache, *label_options(marks))
    marks[VERSION_LABEL] = installed_version(first)
    # All but the labels comes from the cache.
    docker_build(chosen.folder, base, "--tag", chosen.reference, *label_options(marks))
    engine.docker("image", *engine.REMOVE_IMAGE, first)


def label_options(marks: Mapping[str, str]) -> list[str]:
    """Return the options of `docker build` that set labels."""
    return [part for name, value in marks.items() for part in ("--label", f"{name}={value}")]


def docker_build(folder: Path, base: str, *options: str) -> str:
    """Build the Dockerfile in `folder` on `base` and return the image's id.

    Raises DashtamError (UNAVAILABLE) with the last lines of a build that failed.
    """
    with tempfile.TemporaryDirectory(prefix="dashtam-build-") as temporary:
        identity = Path(temporary, "identity")
        fixed = ("--build-arg", f"BASE={base}", "--iidfile", str(identity))
        done = processes.run(["docker", "build", *fixed, *options, str(folder)])
        if done.returncode:
            raise failure(f"The build of {folder}", done.returncode, done.stdout + done.stderr)
        return identity.read_text(encoding="utf-8").strip()


def installed_version(identity: str) -> str:
    """Return the upstream version of the package that an image is labelled with, such as `17.6`."""
    image = find(identity)
    package = labels(image)[PACKAGE_LABEL] if image else ""
    query = ("--show", "--showformat=${Version}", package)
    version = engine.docker("run", "--rm", "--network=none", "--entrypoint=dpkg-query", identity, *query)
    found = DEBIAN_VERSION.fullmatch(version.strip())
    return found["upstream"] if found else version
