#!/usr/bin/env python3
"""Tests of the transcript runner and of the document checks themselves: they must fail where something is wrong."""
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "golden"))
sys.path.insert(0, str(ROOT / "scripts"))
import check_docs  # noqa: E402
import check_links  # noqa: E402
import run  # noqa: E402

SCRATCH = pathlib.Path("/tmp/golden-abc")


class Comparing(unittest.TestCase):
    def test_volatile_parts_are_replaced(self):
        for text, expected in [
            ('{"gimbal":"0.1.0","timing_ms":{"read":1.2,"total":3}}', '{"gimbal":"VERSION","timing_ms":{}}'),
            ('"commit":"0905135a1b2c-dirty"', '"commit":"COMMIT"'),
            ("at 2026-03-01T12:00:00.250Z", "at TIME"),
            ("runs/policy-20260301-120000/report.html", "runs/policy-STAMP/report.html"),
            ("runs/policy-20260301-120000-2", "runs/policy-STAMP"),
            ('"time_s":0.25,"budget_s":20', '"time_s":0,"budget_s":20'),
            ("done      3 min 20 s", "done DURATION"),
            ("in 40 ms.", "in DURATION."),
            ("/tmp/golden-abc/work/x", "WORK/x"),
            ("+0.0347 per unit, 2000 rows", "+0.0347 per unit, 2000 rows"),
        ]:
            self.assertEqual(run.normalise(text, SCRATCH), expected)

    def test_the_last_bits_of_a_number_may_differ_but_nothing_else(self):
        self.assertTrue(run.same_line('"z":1.23456789012345,"n":7', '"z":1.23456789012346,"n":7'))
        self.assertTrue(run.same_line("1e-300", "1.0000000000001e-300"))
        self.assertFalse(run.same_line('"z":1.2345', '"z":1.2346'))
        self.assertFalse(run.same_line('"n":1000000000000000', '"n":1000000000000001'))
        self.assertFalse(run.same_line("a 1.5", "b 1.5"))
        self.assertFalse(run.same_line("1.5", "1.5 2.5"))
        self.assertFalse(run.same_line("id1.5", "id1.50000000000001"))

    def test_a_missing_line_is_a_difference(self):
        self.assertFalse(run.same_lines(["a"], ["a", ""]))
        self.assertFalse(run.same_lines(["a"], []))


class Transcripts(unittest.TestCase):
    def transcript(self, text):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "x.txt"
        path.write_text(text)
        return run.parse(path)

    def check(self, text, update=False):
        transcript = self.transcript(text)
        equal = run.check(transcript, pathlib.Path("/bin/true"), update)
        return equal, transcript.path.read_text()

    def test_reading_and_writing_are_inverse(self):
        text = "# about\n\n$ echo a |\n>   cat\na\n$ false\n[exit 1]\n$ true\n"
        self.assertEqual(self.transcript(text).text(), text)

    def test_what_is_printed_is_compared_with_the_exit_code(self):
        self.assertTrue(self.check("$ echo a; echo b >&2; exit 3\na\nb\n[exit 3]\n")[0])
        self.assertFalse(self.check("$ echo a\nb\n")[0])
        self.assertFalse(self.check("$ echo a\na\n[exit 1]\n")[0])
        self.assertFalse(self.check("$ printf a\na\n")[0], "a missing newline is seen")

    def test_commands_share_a_folder(self):
        self.assertTrue(self.check("$ echo a > f\n$ cat f\na\n")[0])

    def test_update_rewrites_what_differs_and_nothing_else(self):
        equal, text = self.check("# c\n$ echo 1.50000000000001\n1.5\n$ echo b\nold\n", update=True)
        self.assertFalse(equal)
        self.assertEqual(text, "# c\n$ echo 1.50000000000001\n1.5\n$ echo b\nb\n")


class Documents(unittest.TestCase):
    def document(self, text):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "x.md"
        path.write_text(text)
        return path

    def snippets(self, text):
        return check_docs.check(self.document(text), pathlib.Path("/bin/true"))

    def test_sh_blocks_run_in_order_and_must_succeed(self):
        self.assertEqual(self.snippets("```sh\necho a > f\n```\n\n```sh\ngrep a f\n```\n"), (2, 0))
        self.assertEqual(self.snippets("```sh\nfalse\ntrue\n```\n"), (1, 1))
        self.assertEqual(self.snippets("```sh\nfalse | cat\n```\n"), (1, 1))

    def test_other_blocks_do_not_run(self):
        self.assertEqual(self.snippets("```text\nfalse\n```\n```sh no-run\nfalse\n```\n```\nfalse\n```\n"), (0, 0))

    def test_console_blocks_are_compared(self):
        self.assertEqual(self.snippets("```console\n$ echo a\na\n$ seq 9\n1\n...\n9\n$ false\n[exit 1]\n```\n"), (1, 0))
        self.assertEqual(self.snippets("```console\n$ echo a\nb\n```\n"), (1, 1))
        self.assertEqual(self.snippets("```console\n$ seq 9\n1\n...\n8\n```\n"), (1, 1))

    def problems(self, text):
        return [problem for _, problem in check_links.problems_of(self.document(text))]

    def test_links_that_lead_somewhere_pass(self):
        self.assertEqual(self.problems("# One `two`: three\n\n# Again\n\n# Again\n[a](#one-two-three) [b](#again-1) [c](x.md#again)\n"
                                       "![p](/tests/golden/run.py) [h](https://example.org/x) [m](mailto:a@b) `[no](nowhere.md)`\n"
                                       "```text\n[no](nowhere.md)\n```\n[r]: x.md\n"), [])

    def test_links_that_lead_nowhere_are_named(self):
        self.assertEqual(self.problems("# One\n[a](#two) [b](y.md) [c](x.md#three) ![d](/nope.svg)\n[r]: gone.md\n"),
                         ["#two: x.md has no heading for #two", "y.md: there is no y.md", "x.md#three: x.md has no heading for #three",
                          "/nope.svg: there is no /nope.svg", "gone.md: there is no gone.md"])


if __name__ == "__main__":
    unittest.main()
