"""Tomorrow's weather."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health() -> dict[str, bool]:
    """Say that the service answers."""
    return {"ok": True}
