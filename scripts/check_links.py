#!/usr/bin/env python3
"""Checks that relative links and anchors in all Markdown files of the repository lead somewhere.

usage: scripts/check_links.py [FILE...]

A link is [text](target), ![text](target) or a reference definition [name]: target, outside code. Targets with a scheme
(https:, mailto:) are not looked at. A file target is relative to the document (or to the repository when it begins with '/');
an anchor is a heading of the target in GitHub's spelling, or an id= attribute.
"""
import pathlib
import re
import subprocess
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^()\s<>]+(?:\([^()\s]*\))?)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+(\S+)")


def prose_lines(text: str):
    """(number, line) of the lines outside fenced blocks, with code spans blanked."""
    fence = None
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r"^\s{0,3}(`{3,}|~{3,})(.*)$", line)
        if fence is None and match:
            fence = match[1]
        elif fence is not None and match and match[1].startswith(fence) and not match[2].strip():
            fence = None
        elif fence is None:
            yield number, re.sub(r"(`+)(?:.*?)\1", "", line)


def heading_lines(text: str):
    fence = False
    for line in text.split("\n"):
        if re.match(r"^\s{0,3}(```|~~~)", line):
            fence = not fence
        elif not fence and (match := re.match(r"^#{1,6}\s+(.*?)\s*#*$", line)):
            yield match[1]


def anchors_of(path: pathlib.Path) -> set:
    """Headings as GitHub spells their anchors: lower case, punctuation dropped, blanks to dashes, -1 for a repetition."""
    text = path.read_text()
    anchors = set(re.findall(r"\bid=\"([^\"]+)\"", text))
    seen = {}
    for heading in heading_lines(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        plain = re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", plain)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        anchors.add(f"{slug}-{count}" if count else slug)
    return anchors


def problems_of(path: pathlib.Path):
    for number, line in prose_lines(path.read_text()):
        targets = LINK.findall(line)
        if match := DEFINITION.match(line):
            targets.append(match[1])
        for target in targets:
            if re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]*:", target):
                continue
            file, _, anchor = urllib.parse.unquote(target).partition("#")
            base = ROOT if file.startswith("/") else path.parent
            to = (base / file.lstrip("/")).resolve() if file else path.resolve()
            if not to.exists():
                yield number, f"{target}: there is no {file}"
            elif to.parent != path.parent.resolve() and ROOT not in [to, *to.parents]:
                yield number, f"{target}: leads out of the repository"
            elif anchor and to.suffix == ".md" and anchor not in anchors_of(to):
                yield number, f"{target}: {to.name} has no heading for #{anchor}"


def main() -> int:
    if len(sys.argv) > 1:
        files = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    else:
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                                capture_output=True, check=True).stdout.decode()
        files = sorted(ROOT / name for name in listed.split("\0") if name and (ROOT / name).exists())
    failed = 0
    for path in files:
        for number, problem in problems_of(path):
            print(f"{path.relative_to(ROOT) if ROOT in path.parents else path}:{number}: {problem}")
            failed += 1
    print(f"{len(files)} documents, {failed} broken links")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
