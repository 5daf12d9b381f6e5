# The Python side of the fork server: see python_pool.h for the whole and zygote_protocol.h for the messages.
#
# Two ways to start: "server" (one per worker: preloads, freezes, then forks a compile process for every program and a test
# process for every input) and "single" (a fresh interpreter that compiles and runs one program). Both end in run_program, so
# that a program sees the same world under either.
#
# What runs in a test process is hostile. The server therefore never reads a byte that a test wrote, except the hint page,
# which it passes on unread; it never unmarshals; and it imports nothing after the first program has been accepted.
import atexit, builtins, gc, io, mmap, os, resource, signal, struct, sys, threading, types

PAGE = 4096
LIMITS = struct.Struct("<7q")  # cpu_s, cpu_hard_s, address space, file size, descriptors, processes, stack
PROGRAM_LIMIT = 256 << 20  # bytes of a compiled program
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def lower(which, soft, hard):
    old = resource.getrlimit(which)[1]
    if old != resource.RLIM_INFINITY:
        hard = min(hard, old)
        soft = min(soft, old)
    resource.setrlimit(which, (soft, hard))


def set_limits(limits):
    cpu, cpu_hard, space, size, files, processes, stack = limits
    if cpu == 0:
        return  # --sandbox off and rlimits without limits of their own
    lower(resource.RLIMIT_CPU, cpu, cpu_hard)
    lower(resource.RLIMIT_AS, space, space)
    lower(resource.RLIMIT_FSIZE, size, size)
    lower(resource.RLIMIT_NOFILE, files, files)
    lower(resource.RLIMIT_NPROC, processes, processes)
    lower(resource.RLIMIT_CORE, 0, 0)


# A filter that allows signals to the own process only has kOwnPid of python_worker.cc in the number's place.
def for_this_process(program):
    return program.replace(b"\xef\xbe\xad\xde", struct.pack("<I", os.getpid()))


def install_filter(program):
    import ctypes

    class Fprog(ctypes.Structure):
        _fields_ = [("count", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]
    fprog = Fprog(len(program) // 8, program)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, None, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(fprog), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the filter of test processes")


# --- one program


def put_hint(page, kind, name="", message="", module=""):
    text = "\0".join((name[:128], message[:2048], module[:256]))
    data = kind + text.encode("utf-8", "replace")
    data = data[: PAGE - 4]
    page[0:4] = struct.pack("<I", len(data))
    page[4 : 4 + len(data)] = data


def text_of(error):
    try:
        return str(error)
    except BaseException:
        return ""


# The exception class as the verdict needs it: what counts is the family, not the name of a subclass.
def describe(page, error):
    name, module = type(error).__name__, ""
    if isinstance(error, MemoryError):
        name = "MemoryError"
    elif isinstance(error, ModuleNotFoundError):
        top = error.name.partition(".")[0] if isinstance(error.name, str) else ""
        if top and top not in getattr(sys, "stdlib_module_names", ()):
            name, module = "ModuleNotFoundError", top
    put_hint(page, b"E", name, text_of(error), module)


# Returns the code object, or None after having described why there is none.
def compile_source(source, page):
    try:
        return compile(source, "program.py", "exec", dont_inherit=True)
    except MemoryError:
        put_hint(page, b"E", "MemoryError", "while compiling")
    except BaseException as error:  # SyntaxError, ValueError (NUL bytes), RecursionError (nesting), OverflowError
        put_hint(page, b"S", type(error).__name__, text_of(error))
    return None


# Standard streams exactly as the interpreter makes them (same buffers, newline and error modes).
def open_streams(modes):
    for fd, mode, name, (encoding, errors, line_buffering) in zip((0, 1, 2), ("r", "w", "w"), ("stdin", "stdout", "stderr"), modes):
        raw = io.open(fd, mode + "b", -1, closefd=False)
        try:
            raw.raw.name = "<%s>" % name
        except AttributeError:
            pass
        stream = io.TextIOWrapper(raw, encoding, errors, "\n", line_buffering)
        stream.mode = mode
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)


def stream_modes():
    found = []
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is None:
            found.append(("utf-8", "strict", False))
        else:
            found.append((stream.encoding, stream.errors, stream is sys.stderr and sys.version_info >= (3, 9)))
    return found


def flush_streams():
    good = True
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name, None)
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except BaseException as error:
            good = False
            if name == "stdout":
                try:
                    sys.unraisablehook(types.SimpleNamespace(
                        exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__,
                        err_msg=None, object=stream))
                except BaseException:
                    pass
    return good


def exit_code_of(error):
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    try:
        flush_streams()
        sys.stderr.write(str(code) + "\n")
    except BaseException:
        pass
    return 1


def report_exception(error, page):
    trace = error.__traceback__
    error.__traceback__ = trace.tb_next if trace is not None else None  # without the frame of run_program
    try:
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit as stop:
        return exit_code_of(stop)
    except BaseException:
        try:
            sys.__excepthook__(type(error), error, error.__traceback__)
        except BaseException:
            pass
    describe(page, error)
    return 1


# The end of an interpreter: other threads, atexit, the streams, then the objects of the program (whose finalizers may print
# or flush files of their own), in the order of Py_FinalizeEx.
def finish(module, code):
    try:
        threading._shutdown()
    except BaseException:
        pass
    try:
        atexit._run_exitfuncs()
    except BaseException:
        pass
    good = flush_streams()
    names = module.__dict__
    for private in (True, False):
        for name in list(names):
            if isinstance(name, str) and name != "__builtins__" and (name[:1] == "_" and name[1:2] != "_") == private:
                names[name] = None
    gc.collect()
    flush_streams()  # what finalizers printed; too late to count
    os._exit(code if good else 120)


def frames_below():
    frame, depth = sys._getframe(1), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def run_program(code, page, argv, seed):
    module = types.ModuleType("__main__")
    names = module.__dict__
    names.update(__builtins__=builtins, __file__="program.py", __annotations__={}, __cached__=None)
    sys.modules["__main__"] = module
    sys.argv = ["program.py"] + argv
    here = os.getcwd()
    sys.path[:] = [here] + [entry for entry in sys.path if entry not in ("", here)]
    if seed is not None:
        if "random" in sys.modules:
            sys.modules["random"].seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed & 0xFFFFFFFF)
    exec_counts = sys.version_info < (3, 12)  # calls of C functions had a part in the limit then
    sys.setrecursionlimit(1000 + exec_counts + frames_below())
    status = 0
    try:
        exec(code, names)
    except SystemExit as error:
        status = exit_code_of(error)
        if status:
            put_hint(page, b"E", "SystemExit", text_of(error))
    except KeyboardInterrupt as error:
        report_exception(error, page)
        status = -signal.SIGINT
    except BaseException as error:
        status = report_exception(error, page)
    if status < 0:  # as the interpreter: the parent is to see the signal
        flush_streams()
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        except OSError:
            pass  # signals may be forbidden; then a shell's code for it
        os._exit(128 + signal.SIGINT)
    finish(module, status)


# --- "single"


# Descriptors: 0, 1, 2 the program's own, 3 the source, 4 the hint page, 5 the request (limits, seed, arguments, filter).
def single():
    with io.open(5, "rb") as file:
        request = file.read()
    limits, seed, argv, program_filter = parse_run(request, 0)
    page = mmap.mmap(4, PAGE)
    with io.open(3, "rb") as file:
        source = file.read()
    os.closerange(3, 64)
    if seed is not None and b"random" in source:
        import random
    set_limits(limits)
    if program_filter:
        install_filter(for_this_process(program_filter))
    code = compile_source(source, page)
    if code is None:
        os._exit(1)
    del source
    run_program(code, page, argv, seed)


def parse_run(body, at):
    limits = LIMITS.unpack_from(body, at)
    at += LIMITS.size
    has_seed, seed, argc = struct.unpack_from("<BqI", body, at)
    at += 13
    texts = []
    for _ in range(argc + 1):
        (size,) = struct.unpack_from("<I", body, at)
        texts.append(body[at + 4 : at + 4 + size])
        at += 4 + size
    return limits, seed if has_seed else None, [os.fsdecode(text) for text in texts[1:]], texts[0]


# --- the server (what follows is left out of "single")

import errno, marshal, select

PRELOAD = (
    "math cmath itertools functools collections heapq bisect operator string re fractions decimal random statistics copy json "
    "datetime time array typing io threading queue traceback"
)


class Server:
    def __init__(self):
        import _socket

        self.recv_space = _socket.CMSG_SPACE(8 * 4)
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fileno=3)
        self.pending, self.descriptors = b"", []
        self.page = mmap.mmap(-1, PAGE)
        self.work_dir = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.work_mode = os.fstat(self.work_dir).st_mode & 0o7777
        self.modes = stream_modes()
        self.program = None
        self.alone = False
        self.filter = b""

    # --- messages

    def receive(self):
        while True:
            if len(self.pending) >= 4:
                (size,) = struct.unpack_from("<I", self.pending)
                if len(self.pending) >= 4 + size:
                    body, self.pending = self.pending[4 : 4 + size], self.pending[4 + size :]
                    descriptors, self.descriptors = self.descriptors, []
                    return body[:1], body[1:], descriptors
            data, ancillary, flags, _ = self.socket.recvmsg(65536, self.recv_space)
            if not data:
                os._exit(0)  # the other side is gone: with process 1 all others end
            self.pending += data
            for _, _, packed in ancillary:
                self.descriptors += struct.unpack("<%di" % (len(packed) // 4), packed[: len(packed) // 4 * 4])

    def send(self, kind, payload=b""):
        self.socket.sendall(struct.pack("<I", len(payload) + 1) + kind + payload)

    # --- children

    def fork(self):
        self.page[0:4] = b"\0\0\0\0"
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setpgid(0, 0)
        return pid

    # Until the process has ended and nothing else is left: (wait status, CPU microseconds, peak resident KiB).
    def finish_child(self, pid, pipe=None):
        chunks, size = [], 0
        poller = select.poll()
        poller.register(self.socket.fileno(), select.POLLIN)
        poller.register(self.wake, select.POLLIN)
        if pipe is not None:
            poller.register(pipe, select.POLLIN)
        usages, status = [], None
        while status is None:
            ended, found, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                status = found
                usages.append(usage)
                break
            for fd, _ in poller.poll():
                if fd == self.wake:
                    os.read(self.wake, 512)
                elif fd == pipe:
                    data = os.read(pipe, 1 << 20)
                    size += len(data)
                    if not data or size > PROGRAM_LIMIT:
                        poller.unregister(pipe)
                    chunks.append(data)
                else:
                    kind, body, descriptors = self.receive()
                    if kind == b"K":
                        self.kill(pid)
        self.end_all(usages)
        if pipe is not None and size <= PROGRAM_LIMIT:
            while True:
                data = os.read(pipe, 1 << 20)
                if not data:
                    break
                chunks.append(data)
        cpu = sum(u.ru_utime + u.ru_stime for u in usages)
        return status, int(cpu * 1e6), max(u.ru_maxrss for u in usages), b"".join(chunks)

    def kill(self, pid):
        try:
            os.kill(-1 if self.alone else pid, signal.SIGKILL)
        except OSError:
            pass

    # As process 1 every process here descends from us: none is left when there is no child. Otherwise the other side, which
    # sees the whole machine, ends what is left, and we only reap.
    def end_all(self, usages):
        while True:
            try:
                ended, _, usage = os.wait4(-1, os.WNOHANG)
                if ended:
                    usages.append(usage)
                    continue
                if self.alone:
                    self.kill(-1)
                    usages.append(os.wait4(-1, 0)[2])
                    continue
            except ChildProcessError:
                if self.alone:
                    return
            self.send(b"W")
            while self.receive()[0] != b"G":
                pass
            try:
                while True:
                    usages.append(os.wait4(-1, 0)[2])
            except ChildProcessError:
                return

    # Empties the work directory in time linear in its entries with two descriptors, however deep it is: a folder that is not
    # empty gives its own folders to the top first.
    def empty_work_dir(self):
        top = self.work_dir
        os.fchmod(top, self.work_mode)
        names = os.listdir(top)
        if not names:
            return
        prefix, fresh = "\1%s." % os.urandom(8).hex(), 0
        for _ in range(100000):
            if not names:
                return
            for name in names:
                try:
                    os.unlink(name, dir_fd=top)
                    continue
                except OSError as error:
                    if error.errno == errno.ENOENT:
                        continue
                try:
                    os.chmod(name, 0o700, dir_fd=top)
                    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
                except OSError:
                    continue
                try:
                    for entry in os.listdir(inner):
                        try:
                            os.unlink(entry, dir_fd=inner)
                        except OSError:
                            fresh += 1
                            try:
                                os.chmod(entry, 0o700, dir_fd=inner)
                                os.rename(entry, prefix + str(fresh), src_dir_fd=inner, dst_dir_fd=top)
                            except OSError:
                                pass
                finally:
                    os.close(inner)
                try:
                    os.rmdir(name, dir_fd=top)
                except OSError:
                    pass
            names = os.listdir(top)
        raise OSError(errno.ENOTEMPTY, "the work directory cannot be emptied")

    def hint(self):
        (size,) = struct.unpack_from("<I", self.page)
        return self.page[4 : 4 + min(size, PAGE - 4)]

    # --- requests

    def compile(self, body, descriptors):
        limits, _, _, _ = parse_run(body, 8)
        read, write = os.pipe()
        pid = self.fork()
        if pid == 0:
            status = 1
            try:
                set_limits(limits)
                with io.open(descriptors[0], "rb") as file:
                    source = file.read()
                code = compile_source(source, self.page)
                if code is not None:
                    with io.open(write, "wb", 0) as file:
                        view = memoryview(marshal.dumps(code))
                        while view:
                            view = view[file.write(view) :]
                    status = 0
            except MemoryError:
                put_hint(self.page, b"E", "MemoryError", "while compiling")
            except BaseException as error:
                put_hint(self.page, b"S", type(error).__name__, text_of(error))
            finally:
                os._exit(status)
        os.close(write)
        status, cpu, peak, self.program = self.finish_child(pid, read)
        os.close(read)
        self.send(b"C", body[:8] + struct.pack("<iqq", status, cpu, peak) + self.hint())

    def test(self, body, descriptors):
        pid = self.fork()
        if pid == 0:
            try:
                for fd in descriptors:  # the server's own are lower: none is replaced before it has been copied
                    if fd < len(descriptors):
                        raise OSError(errno.EBADF, "a low descriptor")
                for target, fd in enumerate(descriptors):
                    os.dup2(fd, target)
                os.closerange(len(descriptors), 1024)
                open_streams(self.modes)
                limits, seed, argv, _ = parse_run(body, 8)
                if not self.alone and self.filter:
                    install_filter(for_this_process(self.filter))
                code = marshal.loads(self.program)
                page = self.page
                self.program = self.page = None
                set_limits(limits)
            except BaseException:
                os._exit(127)
            run_program(code, page, argv, seed)
        for fd in descriptors:
            os.close(fd)
        status, cpu, peak, _ = self.finish_child(pid)
        self.empty_work_dir()
        self.send(b"D", body[:8] + struct.pack("<iqq", status, cpu, peak) + self.hint())

    def start(self):
        kind, body, _ = self.receive()
        if kind != b"I":
            os._exit(70)
        self.alone = bool(body[0]) and os.getpid() == 1
        _, _, preload, self.filter = parse_run(body, 1)
        sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]
        failed = []
        for name in PRELOAD.split() + preload:
            try:
                __import__(name)
            except BaseException as error:
                failed.append("%s: %s" % (name, text_of(error)))
        if failed:
            self.send(b"E", ("cannot preload " + ", ".join(failed)).encode())
            os._exit(1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # process 1 ignores what has no handler
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.wake = read
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        if self.filter and self.alone:
            install_filter(self.filter)  # the server itself never executes anything again
        elif self.filter:
            import ctypes  # the filter names the test process, so each installs its own
        version = "%d.%d.%d" % sys.version_info[:3]
        self.empty_work_dir()
        gc.collect()
        gc.freeze()
        self.send(b"R", version.encode())

    def serve(self):
        self.start()
        while True:
            kind, body, descriptors = self.receive()
            if kind == b"P":
                self.compile(body, descriptors)
                for fd in descriptors:
                    os.close(fd)
            elif kind == b"T":
                self.test(body, descriptors)
            elif kind != b"K":  # a late kill is of no interest
                os._exit(70)


Server().serve()
