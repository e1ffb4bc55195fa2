"""A quote a day."""

from fastapi import FastAPI

app = FastAPI()
