"""Settings for the tests."""

from shop.settings import *
