"""Planning: what each step would do to a project, proven before any of it is done."""
