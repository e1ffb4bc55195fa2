"""The HTTP endpoints, one module a resource."""
