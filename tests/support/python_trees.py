"""Syntax trees of Python programs as JSON, in the form that src/gimbal/diversity/ast.h reads.

Reads JSONL lines {"program": ...} from standard input and writes the same lines with a field "tree", JSON text: a node is
[type, {attribute: value}, [[field, node], ...]], empty parts at the end left out; a literal is ["n"|"s"|"o", text].
Makes data/diversity/humaneval-40-59.jsonl.gz and serves the differential test of the measures.
"""
import ast
import json
import sys


def value(node, field, item):
    # A field that is None differs from one whose node was cut off.
    if item is None:
        return ["o", "None"]
    if isinstance(node, ast.Constant) and field == "value":
        kind = "n" if isinstance(item, (bool, int, float, complex)) else "s" if isinstance(item, str) else "o"
        return [kind, repr(item) if kind != "s" else item]
    return str(item)


def tree(node):
    attributes, children = {}, []
    for field, item in ast.iter_fields(node):
        if isinstance(item, ast.AST):
            children.append([field, tree(item)])
        elif isinstance(item, list) and any(isinstance(part, ast.AST) for part in item):
            children += [[field, tree(part)] for part in item if part is not None]
        elif not (isinstance(item, list) and not item):
            attributes[field] = value(node, field, item)
    out = [type(node).__name__, attributes, children]
    while len(out) > 1 and not out[-1]:
        out.pop()
    return out


for line in sys.stdin:
    record = json.loads(line)
    record["tree"] = json.dumps(tree(ast.parse(record["program"])), ensure_ascii=False, separators=(",", ":"))
    print(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
