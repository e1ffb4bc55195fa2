"""Serve the app as the settings say: `python -m src.serve [--reload]`."""

import argparse
import os

import uvicorn

from src.core.config import ROOT, Settings, load_settings


def tls_options(settings: Settings) -> dict[str, str]:
    """Return uvicorn's TLS options; exit naming a certificate or key that cannot be used."""
    if not settings.ssl_enabled:
        return {}
    for path in (settings.ssl_certfile, settings.ssl_keyfile):
        if not path.is_file():
            raise SystemExit(f"{path} is missing: run 'make certs', or set SSL_ENABLED=false.")
        if not os.access(path, os.R_OK):
            raise SystemExit(
                f"{path} cannot be read by uid {os.getuid()}: change its owner or mode."
            )
    return {
        "ssl_certfile": str(settings.ssl_certfile),
        "ssl_keyfile": str(settings.ssl_keyfile),
    }


def main() -> None:
    """Serve until a signal; `--reload` starts anew after an edit under src."""
    parser = argparse.ArgumentParser(prog="python -m src.serve", description=__doc__)
    parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - a container's own interface
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--reload", action="store_true")
    options = parser.parse_args()
    uvicorn.run(
        "src.main:app",
        host=options.host,
        port=options.port,
        reload=options.reload,
        reload_dirs=[str(ROOT / "src")] if options.reload else None,
        timeout_graceful_shutdown=1,
        **tls_options(load_settings()),  # type: ignore[arg-type]
    )


if __name__ == "__main__":
    main()
