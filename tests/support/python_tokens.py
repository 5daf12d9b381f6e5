"""Token counts and digests of library files by CPython's tokenize, for the lexer's differential test.

Prints "COUNT <tab> SHA-256 <tab> PATH" for every file of this interpreter's standard library (tests aside) that compiles. The digest is over
one line a token: kind, line, text; NEWLINE and DEDENT stand without line and text. f-strings, which 3.12 and later split, are put together again.
"""
import hashlib
import io
import os
import sysconfig
import tokenize

KINDS = {tokenize.NAME: "NAME", tokenize.NUMBER: "NUMBER", tokenize.STRING: "STRING", tokenize.OP: "OP",
         tokenize.NEWLINE: "NEWLINE", tokenize.INDENT: "INDENT", tokenize.DEDENT: "DEDENT"}
FSTRING_START = getattr(tokenize, "FSTRING_START", None)
FSTRING_END = getattr(tokenize, "FSTRING_END", None)


def span(lines, start, end):
    """The source between two (line, column) positions."""
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1]:end[1]]
    return "".join([lines[start[0] - 1][start[1]:], *lines[start[0]:end[0] - 1], lines[end[0] - 1][:end[1]]])


def tokens(text):
    lines = text.splitlines(keepends=True)
    depth, start = 0, None
    for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
        if FSTRING_START is not None and token.type == FSTRING_START:
            if depth == 0:
                start = token.start
            depth += 1
        elif FSTRING_END is not None and token.type == FSTRING_END:
            depth -= 1
            if depth == 0:
                yield "STRING", start[0], span(lines, start, token.end)
        elif depth == 0 and token.type in KINDS:
            yield KINDS[token.type], token.start[0], token.string


def main():
    root = sysconfig.get_path("stdlib")
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(d for d in inner if d not in ("test", "tests", "lib2to3", "site-packages", "dist-packages", "__pycache__"))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.endswith(".py"):
                continue
            with open(path, "rb") as file:
                data = file.read()
            try:
                text = data.decode("utf-8")
                compile(text, path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                continue
            digest, count = hashlib.sha256(), 0
            for kind, line, string in tokens(text):
                mark = kind in ("NEWLINE", "DEDENT")
                digest.update((kind + ("" if mark else f" {line} {string}") + "\n").encode("utf-8"))
                count += 1
            print(count, digest.hexdigest(), path, sep="\t")


if __name__ == "__main__":
    main()
