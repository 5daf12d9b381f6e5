"""Texts and their tokens by the PyPI package parso 0.8, as JSONL on standard output: makes data/diversity/parso-tokens.jsonl.

An argument is the number of random texts made of Python's pieces (default 150): thousands of them for a long differential test.
Run in the repository's root.
"""
import gzip
import json
import random
import sys

from parso.python.tokenize import tokenize
from parso.utils import parse_version_string

VERSION = parse_version_string("3.11")
CASES = [
    'def add(x: int, y: int):\n    """Adds."""\n    return x + y\n',
    'x = f"a{b!r:>{w}} c{{d}}" + 1\n', "f'{x:%Y-%m}' f\"\"\"a\n{b}\nc\"\"\"\n", "x = 'abc\ny = 1\n", 'x = """abc\ny',
    'if a:\n        b\n    c\nd', 'f(a\ndef g():\n  return (1,\n  2)\n', 'x = "a\\\nb"\n', 'a $ b ? c ! d `\n', '\tx\n y\n',
    '# c\n\nx\n  # d\n', 'print(f"{x}', 'f"{a["\n', 'x = (f"{(lambda y: y)(1)}")\n', "rb'x' Rb\"\"\"y\"\"\" u'' fr'{a}\\d'\n",
    'größe = 1; 変数 = 2\n', 'a² = x€y\n', '0777 1_ 0xg .5 1..real 1e5j\n', 'x \\\n + y\n', 'f"\\N{BULLET} {x}"\n', "f'''{\nx\n}'''\n", "f'a {x} b' 'c'\n",
    "f'{x #}'\n", 'class A: pass', '\n\n', '', '   ', 'x = [1,\nimport os\n', "f'{a:{b}}' + f'{a:=3}'\n", "f'{x:a\\nb}'\n", 'x\r\ny\rz',
    "f'{  x  }'\n", "f'{x:>10}' if y else f\"{'a'}\"\n", "print(f'{d[\"k\"]!r}', end='')\n", 'for i in range(3):\n    print(i)\n    if i:\n        continue\nelse:\n    pass\n',
]
PIECES = ['f"', '"', "f'", "'", "{", "}", "{{", "x", "\n", "    ", "def", "(", ")", ":", "!r", "\\", "\\\n", '"""', 'f"""', "#c", "1.5", "$", "é",
          "²", " ", ">", "return", ";", ",", ",", "=", "\t"]


def texts(count):
    yield from CASES
    programs = []
    with gzip.open("data/diversity/variants.jsonl.gz", "rt") as lines:
        for line in lines:
            programs += json.loads(line)["programs"][::5]
    yield from programs[::2]
    draw = random.Random(1)
    for _ in range(count):
        yield "".join(draw.choice(PIECES) for _ in range(draw.randrange(1, 14)))


def main():
    seen = set()
    for text in texts(int(sys.argv[1]) if len(sys.argv) > 1 else 150):
        if text not in seen:
            seen.add(text)
            tokens = [token.string for token in tokenize(text, version_info=VERSION)]
            print(json.dumps({"source": text, "tokens": tokens}, ensure_ascii=False))


if __name__ == "__main__":
    main()
