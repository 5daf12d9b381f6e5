# The Python side of the verifier `code`: see code_runner.h for the whole.
#
# One program, three roles (sys.argv[1]), each in a process of its own; standard input holds the role's orders as JSON.
#
#   candidate  loads the candidate, says so, then answers calls (split) or runs the tests that it is sent (in-process)
#   tests      runs the trusted tests; every tested name is a proxy that calls the candidate's process
#   keeper     keeps the tests of in-process mode until the candidate is loaded, and checks the token that must come back
#
# Candidate and the other side are joined by two pipes (3 to read, 4 to write) that carry frames: 32-bit length, bytes. The
# verdict goes to the caller through standard output, after the caller's token; the candidate never sees that token. Whatever the
# candidate's process sends is data: it is decoded into plain values, or the test fails.
import collections, datetime, decimal, fractions, io, json, os, struct, sys, types

MAX_FRAME = 64 << 20
MAX_TEXT = 2000  # characters of a value in the detail
SMALL = 1 << 8192  # integers beyond it travel in hexadecimal (decimal text would take quadratic time)
FLAT = frozenset((int, float, str, bool, type(None)))


# --- values


class NotPlain(Exception):
    pass


class BadReply(Exception):
    pass


def encode(value):
    kind = type(value)
    if kind is int:
        return value if -SMALL < value < SMALL else {"int": hex(value)}
    if kind in FLAT:
        return value
    if kind is list:
        kinds = set(map(type, value))
        if kinds <= FLAT and (int not in kinds or all(-SMALL < x < SMALL for x in value if type(x) is int)):
            return value
        return [encode(x) for x in value]
    if kind is tuple or (isinstance(value, tuple) and kind.__bases__ == (tuple,) and hasattr(kind, "_fields")):
        return {"tuple": encode(list(value))}
    if kind is dict or kind in (collections.Counter, collections.OrderedDict, collections.defaultdict):
        return {"dict": [[encode(k), encode(v)] for k, v in dict.items(value)]}
    if kind is set or kind is frozenset:
        return {kind.__name__: [encode(x) for x in value]}
    if kind is bytes or kind is bytearray:
        return {kind.__name__: value.hex()}
    if kind is complex:
        return {"complex": [value.real, value.imag]}
    if kind is range:
        return {"range": [encode(value.start), encode(value.stop), encode(value.step)]}
    if kind is decimal.Decimal:
        return {"Decimal": str(value)}
    if kind is fractions.Fraction:
        return {"Fraction": [encode(value.numerator), encode(value.denominator)]}
    if kind in (datetime.datetime, datetime.date, datetime.time):
        return {kind.__name__: value.isoformat()}
    if kind is datetime.timedelta:
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    raise NotPlain(kind.__name__)


DECODERS = {
    "int": lambda v: int(v, 16),
    "tuple": lambda v: tuple(decode(v)),
    "dict": lambda v: {decode(key): decode(item) for key, item in v},
    "set": lambda v: {decode(x) for x in v},
    "frozenset": lambda v: frozenset(decode(x) for x in v),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "complex": lambda v: complex(float(v[0]), float(v[1])),
    "range": lambda v: range(decode(v[0]), decode(v[1]), decode(v[2])),
    "Decimal": decimal.Decimal,
    "Fraction": lambda v: fractions.Fraction(decode(v[0]), decode(v[1])),
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": lambda v: datetime.timedelta(*map(int, v)),
}


# Any JSON value, to plain values. Raises for what is none of ours.
def decode(value):
    kind = type(value)
    if kind is list:
        kinds = set(map(type, value))
        return [decode(x) for x in value] if list in kinds or dict in kinds else value
    if kind is dict:
        ((tag, inner),) = value.items()
        return DECODERS[tag](inner)
    return value


def text_of(value):
    try:
        text = repr(value)
    except BaseException as error:
        text = "<%s>" % type(error).__name__
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."


# --- frames


class Pipes:
    def __init__(self):
        self.reader = io.open(3, "rb", closefd=False)

    def send(self, data):
        view = memoryview(struct.pack("<I", len(data)) + data)
        while view:
            view = view[os.write(4, view) :]

    # None at the end of the stream.
    def receive(self):
        head = self.reader.read(4)
        if len(head) < 4:
            return None
        (size,) = struct.unpack("<I", head)
        if size > MAX_FRAME:
            raise BadReply("a reply of %d bytes" % size)
        data = self.reader.read(size)
        return data if len(data) == size else None


# --- the candidate's process


def load_candidate(source, pipes):
    try:
        code = compile(source, "candidate.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
        pipes.send(b"S")
        raise error from None
    empty, full = os.pipe()
    os.close(full)
    os.dup2(empty, 0)
    os.close(empty)
    sys.stdin = io.open(0, "r", closefd=False)
    module = types.ModuleType("candidate")
    sys.modules["candidate"] = module
    exec(code, module.__dict__)
    return module.__dict__


def family(error):
    for kind in type(error).__mro__:
        if kind.__module__ == "builtins":
            return kind.__name__
    return "BaseException"


def message_of(error):
    try:
        return str(error)[:MAX_TEXT]
    except BaseException:
        return ""


def answer_calls(names, pipes):
    while True:
        request = pipes.receive()
        if request is None:
            os._exit(0)
        name, arguments, keywords = json.loads(request)
        try:
            function = names[name]
        except KeyError:
            reply = {"missing": name}
        else:
            try:
                value = function(*decode(arguments), **decode(keywords))
                try:
                    reply = {"value": encode(value)}
                except (NotPlain, RecursionError) as error:
                    reply = {"not_plain": message_of(error)}
                del value
            except BaseException as error:
                reply = {"error": family(error), "class": type(error).__name__, "text": message_of(error)}
        try:
            data = json.dumps(reply).encode()
        except (RecursionError, ValueError):
            data = b'{"not_plain":"a value that is too deep"}'
        pipes.send(data)


def candidate(orders):
    pipes = Pipes()
    names = load_candidate(orders["source"], pipes)
    if not orders["in_process"]:
        pipes.send(b"L")
        answer_calls(names, pipes)
    pipes.send(b"L")
    given = pipes.receive()
    if given is None:
        os._exit(0)
    tests = json.loads(given)
    token = tests.pop("token")
    calls = LocalCalls(names)
    verdict = run_tests(tests, calls)
    pipes.send((token + json.dumps(verdict)).encode())
    os._exit(0)


# --- calls of tested functions


# Nothing that tests catch with `except Exception`; what they swallow nevertheless is found in `Calls.broken`.
class CandidateFailed(BaseException):
    pass


# The last call and whether the running test has failed for a reason that the test itself must not be able to overlook.
class Calls:
    def __init__(self):
        self.broken = None  # (kind, message)
        self.over = False  # the candidate's process is gone: no further test can run
        self.last = None

    def fail(self, kind, message, over=False):
        self.broken = self.broken or (kind, message)
        self.over = self.over or over
        raise CandidateFailed(message)


class LocalCalls(Calls):
    def __init__(self, names):
        super().__init__()
        self.names = names

    def namespace(self, preamble):
        exec(compile(preamble, "preamble.py", "exec", dont_inherit=True), self.names)
        return self.names

    def bind(self, space, names):
        pass

    def function(self, name):
        if name not in self.names:
            self.fail("missing_entry", name)

        def call(*arguments, **keywords):
            self.last = self.names[name](*arguments, **keywords)
            return self.last

        return call


# A candidate's exception is raised again only if it is an ordinary one: StopIteration would quietly end `all(map(f, ...))`.
def raisable(name):
    import builtins

    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, (StopIteration, StopAsyncIteration)):
        return kind
    return None


class RemoteCalls(Calls):
    def __init__(self, pipes):
        super().__init__()
        self.pipes = pipes

    def namespace(self, preamble):
        space = {"__name__": "tests", "__builtins__": __builtins__}
        exec(compile(preamble, "preamble.py", "exec", dont_inherit=True), space)
        return space

    def bind(self, space, names):
        for name in names:
            space[name] = self.function(name)

    def function(self, name):
        def call(*arguments, **keywords):
            return self.call(name, arguments, keywords)

        call.__name__ = call.__qualname__ = name
        return call

    def call(self, name, arguments, keywords):
        if self.over:
            self.fail("ended", "the candidate's process is gone")
        try:
            request = json.dumps([name, encode(list(arguments)), encode(keywords)]).encode()
        except (NotPlain, RecursionError, ValueError) as error:
            self.fail("not_plain", "an argument of type " + message_of(error))
        try:
            self.pipes.send(request)
            data = self.pipes.receive()
        except (OSError, BadReply, MemoryError) as error:
            self.fail("ended", message_of(error), over=True)
        if data is None:
            self.fail("ended", "the candidate's process ended before its answer", over=True)
        try:
            reply = dict(json.loads(data))
            if "value" in reply:
                self.last = decode(reply["value"])
                return self.last
        except Exception as error:
            self.fail("ended", "an answer that is none: " + message_of(error), over=True)
        if "error" in reply and type(reply["error"]) is str:
            kind = raisable(reply["error"])
            text = str(reply.get("text", ""))
            self.last = "%s: %s" % (reply.get("class", reply["error"]), text)
            if kind is None:
                self.fail("runtime_error", self.last)
            try:
                error = kind(text)
            except TypeError:  # UnicodeDecodeError and others that want more than a text
                error = RuntimeError(self.last)
            error.from_candidate = self.last
            raise error
        if "missing" in reply:
            self.fail("missing_entry", name)
        self.fail("not_plain", "a result of type " + str(reply.get("not_plain", "?")))


# --- tests


def failing_assert(source, trace):
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "tests.py":
            line = trace.tb_lineno
        trace = trace.tb_next
    if line is None:
        return "", None
    import ast

    found = None
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and node.lineno <= line <= node.end_lineno:
            found = node
    if found is None:
        return source.split("\n")[line - 1].strip(), None
    expected = None
    test = found.test
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        for side in (test.comparators[0], test.left):
            try:
                ast.literal_eval(side)
            except Exception:
                continue
            expected = ast.unparse(side)
            break
    return ast.get_source_segment(source, found) or "", expected


# What is left of a test's failure: kind, test, got, expected, message.
def describe(calls, error, source, expected=None):
    try:
        test, found = failing_assert(source, error.__traceback__) if error is not None else ("", None)
    except BaseException:
        test, found = "", None
    if calls.broken is not None:
        kind, message = calls.broken
    elif isinstance(error, AssertionError) and not hasattr(error, "from_candidate"):
        kind, message = "different", message_of(error)
    else:
        kind, message = "runtime_error", getattr(error, "from_candidate", "%s: %s" % (type(error).__name__, message_of(error)))
    return {"kind": kind, "message": message[:MAX_TEXT], "test": (test or source)[:MAX_TEXT],
            "got": text_of(calls.last) if kind == "different" else None, "expected": (expected or found or "")[:MAX_TEXT]}


def global_names(code, found):
    found.update(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            global_names(constant, found)
    return found


def close(a, b, tolerance):
    if type(a) is not type(b) and not (isinstance(a, (int, float)) and isinstance(b, (int, float))):
        return False
    if isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(close(x, y, tolerance) for x, y in zip(a, b))
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key], tolerance) for key in b)
    if isinstance(b, float):
        return a == b or (a != a and b != b) or abs(a - b) <= max(tolerance, 1e-6) + 1e-7 * abs(b)
    return bool(a == b)


# The tests one by one, as (source, function).
def listed_tests(orders, calls):
    space = calls.namespace(orders["preamble"])
    form, entry = orders["form"], orders["entry"]
    if form == "check":
        source = orders["tests"][0]
        code = compile(source, "tests.py", "exec", dont_inherit=True)
        if isinstance(calls, RemoteCalls):
            calls.bind(space, [entry])

        def check():
            exec(code, space)
            space["check"](calls.function(entry))

        return [(source, check)]
    if form == "asserts":
        codes = [compile(test, "tests.py", "exec", dont_inherit=True) for test in orders["tests"]]
        import builtins

        names = set()
        for code in codes:
            global_names(code, names)
        calls.bind(space, [name for name in names if name not in space and not hasattr(builtins, name)])
        return [(test, lambda code=code: exec(code, space)) for test, code in zip(orders["tests"], codes)]
    import copy

    # A namespace of its own: the reference must not be what a candidate of the same process has put there.
    trusted = {"__name__": "reference"}
    if orders["reference"]:
        exec(compile(orders["reference"], "reference.py", "exec", dont_inherit=True), trusted)
    function = calls.function(entry)
    tests = []
    for index, arguments in enumerate(orders["inputs"]):
        outputs = orders["outputs"]

        def one(arguments=arguments, index=index):
            expected = outputs[index] if outputs is not None else trusted[entry](*copy.deepcopy(arguments))
            got = function(*copy.deepcopy(arguments))
            if type(got) is tuple and type(expected) is list and outputs is not None:
                got = list(got)  # JSON has no tuples
            if not close(got, expected, orders["tolerance"]):
                error = AssertionError()
                error.expected = text_of(expected)
                raise error

        tests.append(("%s(%s)" % (entry, ", ".join(text_of(a) for a in arguments)), one))
    return tests


def run_tests(orders, calls):
    verdict = {"passed": 0, "total": len(orders["inputs"] if orders["form"] == "inputs" else orders["tests"]), "failure": None}
    try:
        tests = listed_tests(orders, calls)
    except BaseException as error:
        verdict["failure"] = {"kind": calls.broken[0] if calls.broken else "bad_task", "index": 0, "test": "", "got": None,
                              "expected": "", "message": "%s: %s" % (type(error).__name__, message_of(error))}
        return verdict
    for index, (source, test) in enumerate(tests):
        calls.broken = calls.last = None
        error = None
        try:
            test()
        except BaseException as caught:
            error = caught
        if error is None and calls.broken is None:
            verdict["passed"] += 1
            continue
        if verdict["failure"] is None:
            verdict["failure"] = dict(describe(calls, error, source, getattr(error, "expected", None)), index=index)
        if calls.over or not orders["all"]:
            break
    return verdict


def loaded(pipes):
    try:
        first = pipes.receive()
    except (OSError, BadReply, MemoryError):
        first = None
    if first == b"L":
        return None
    kind = "syntax_error" if first == b"S" else "ended"
    return {"passed": 0, "total": 0, "failure": {"kind": kind, "index": 0, "test": "", "got": None, "expected": "",
                                                 "message": "the candidate did not load"}}


def report(orders, verdict):
    os.write(VERDICT, (orders["token"] + json.dumps(verdict)).encode())
    os._exit(0)


def tests(orders):
    pipes = Pipes()
    report(orders, loaded(pipes) or run_tests(orders["given"], RemoteCalls(pipes)))


def keeper(orders):
    pipes = Pipes()
    verdict = loaded(pipes)
    if verdict is None:
        token = os.urandom(16).hex()
        verdict = {"passed": 0, "total": 0, "failure": {"kind": "ended", "index": 0, "test": "", "got": None, "expected": "",
                                                        "message": "the tests did not run to their end"}}
        try:
            pipes.send(json.dumps(dict(orders["given"], token=token)).encode())
            data = pipes.receive()
            if data is not None and data[:32] == token.encode():
                verdict = json.loads(data[32:])
        except (OSError, BadReply, MemoryError, ValueError, RecursionError):
            pass
    report(orders, verdict)


sys.setrecursionlimit(sys.getrecursionlimit() + 12)  # the harness's own frames
ROLE = sys.argv[1]
sys.argv[1:] = []
ORDERS = json.loads(sys.stdin.buffer.read())
if ROLE != "candidate":
    VERDICT = os.dup(1)
    os.dup2(2, 1)  # what tests print is no verdict
{"candidate": candidate, "tests": tests, "keeper": keeper}[ROLE](ORDERS)
