"""A list of things to do."""

from flask import Flask

app = Flask(__name__)
