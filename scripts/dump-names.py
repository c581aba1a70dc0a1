#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""dump-names.py MODULE...: does padata_dump.py read what these modules have?

Its names of members and enumerators must be in their debug information, but for those of
Python, drgn and the kernel alone.  A name that is left behind by a change of the modules
is found without a kernel.
"""

import ast
import os
import re
import subprocess
import sys

OTHERS = set("""
    __name__ add_argument address_ address_of_ all append core counter decode endswith
    enumerators error extend format_ items join load_debug_info member_ parse_args pc
    pointer_type regex replace search seek set_core_dump set_kernel split stack_trace
    startswith string_ symbols value_ variable
    battr busy_hash curr current_work nsections
    """.split())
# Strings that name a member are given to getattr() in these functions.
BY_STRING = ("shells", "queues")


def imported(tree):
    """Return the names of the modules that it imports."""
    return {alias.name.split(".")[0] for node in ast.walk(tree)
            if isinstance(node, ast.Import) for alias in node.names}


def root(node):
    """Return the name that a chain of attributes, calls and subscripts begins with."""
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def defined(tree):
    """Return its own functions, classes and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def used(tree):
    """Yield the names that it reads."""
    modules = imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and root(node) not in modules:
            yield node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and \
                node.func.attr in BY_STRING:
            yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"\b(?:BATON|JOB)_[A-Z]+\b", node.value)


def known(module):
    """Return the members and enumerators that a module knows."""
    text = ""
    # Enumerations are printed by name alone.
    for which in [], ["-C", "job_state,baton_place"]:
        text += subprocess.run(["pahole", "-F", "dwarf"] + which + [module], check=False,
                               text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL).stdout
    return set(re.findall(r"(\w+)(?:\[\d+\]|:\d+|\)\([^;]*\))*;", text)) | \
        set(re.findall(r"\b[A-Z][A-Z_]+(?= +=)", text))


def main(modules):
    """Return the exit status."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "padata_dump.py")
    with open(path, encoding="ascii") as file:
        tree = ast.parse(file.read())
    names = set(used(tree)) - set(defined(tree)) - OTHERS
    unknown = names - set().union(*map(known, modules))
    print(f"{len(names)} names, unknown:", ", ".join(sorted(unknown)) or "none")
    return bool(unknown) or len(names) < 30


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
