"""A guestbook."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index() -> str:
    """Greet the visitor."""
    return "Write something nice."
