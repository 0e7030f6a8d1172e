"""Docstrings call the package's things by their last names."""


def resolve_by_last_name(app, env, node, contnode):
    """Let a docstring call a thing of the package by its last name, as in ``:class:`AdamW```, where only one has it."""
    if node.get("refdomain") != "py" or node.get("reftype") == "mod":
        return None
    domain = env.get_domain("py")
    found = {name for name in domain.objects if name.endswith(f".{node['reftarget']}")}
    if len(found) != 1:
        return None
    node["reftarget"] = found.pop()
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], node["reftarget"], node, contnode)


def setup(app) -> None:
    app.connect("missing-reference", resolve_by_last_name)
