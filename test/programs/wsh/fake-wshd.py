"""
A wshd that answers as it should not: fake-wshd.py DIRECTORY REQUEST-BYTES

It listens on DIRECTORY/ANSWER.sock for each answer of the table below, reads a whole request from whoever connects, and
answers so. It serves one client after the other, and says "ready" when it listens.
"""
import array, os, pty, select, socket, struct, sys, tempfile, time

directory, request_bytes = sys.argv[1], int(sys.argv[2])
VERSION = struct.pack('<i', 1)

class Pipes:
    """What a good answer carries, and the other ends."""
    def __init__(self):
        self.stdin, self.to_stdin = os.pipe()
        self.from_stdout, self.stdout = os.pipe()
        self.from_stderr, self.stderr = os.pipe()
        self.from_status, self.status = os.pipe()

    def ends(self):
        return [self.to_stdin, self.from_stdout, self.from_stderr, self.from_status]

    def close(self, *ends):
        for fd in ends or [*self.ends(), self.stdin, self.stdout, self.stderr, self.status]:
            try:
                os.close(fd)
            except OSError:
                pass

def send(client, data, fds):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
    client.sendmsg([data], rights)

def answer(data=VERSION, change=lambda ends: ends):
    """An answer of these bytes, with what `change` makes of the descriptors that a good one has."""
    def act(client):
        pipes = Pipes()
        send(client, data, change(pipes.ends()))
        pipes.close()
    return act

def status(data, mark=None, before=b''):
    """A good answer, then some output and this status."""
    def act(client):
        pipes = Pipes()
        send(client, VERSION, pipes.ends())
        pipes.close(*pipes.ends(), pipes.stdin)
        os.write(pipes.stdout, before)
        if mark is not None:
            os.fchmod(pipes.status, mark)
        if data:
            os.write(pipes.status, data)
        pipes.close()
    return act

def replaced(index, make):
    """The descriptors of a good answer, but for one."""
    return lambda ends: [make() if at == index else end for at, end in enumerate(ends)]

def a_file():
    fd, path = tempfile.mkstemp()
    os.unlink(path)
    return fd

def silent(client):
    # Until the client has had enough, and no longer than a test may take.
    select.select([client], [], [], 20)

def slowly(client):
    """The answer comes after a while."""
    time.sleep(0.3)
    status(struct.pack('<i', 6), before=b'late\n')(client)

def unhurried(client):
    """Meanwhile others wait in a queue that has hardly any places."""
    time.sleep(0.05)
    status(number(7), before=b'hello\n')(client)

def number(value):
    return struct.pack('<i', value)

ANSWERS = {
    'good': status(number(7), before=b'hello\n'),
    'slow': slowly,
    'silent': silent,
    'short-queue': unhurried,
    'closed': lambda client: None,
    'version-0': answer(number(0)),
    'version-2': answer(number(2)),
    'other-byte-order': answer(struct.pack('>i', 1)),
    'garbage': answer(b'\xde\xad\xbe\xef' * 64),
    'short': answer(b'\x01\x00'),
    'one-byte': answer(b'\x01'),
    'no-descriptors': answer(change=lambda ends: []),
    'one-descriptor': answer(change=lambda ends: ends[:1]),
    'three-descriptors': answer(change=lambda ends: ends[:3]),
    'five-descriptors': answer(change=lambda ends: ends + ends[:1]),
    'all-the-descriptors': answer(change=lambda ends: (ends * 64)[:253]),
    'files': answer(change=lambda ends: [a_file() for _ in ends]),
    'sockets': answer(change=lambda ends: [socket.socketpair()[0].detach() for _ in ends]),
    'terminals': answer(change=lambda ends: [pty.openpty()[0] for _ in ends]),
    'wrong-directions': answer(change=lambda ends: [ends[1], ends[0], ends[2], ends[3]]),
    'status-for-writing': answer(change=lambda ends: [ends[0], ends[1], ends[2], ends[0]]),
    'stdin-a-file': answer(change=replaced(0, a_file)),
    'stdout-a-file': answer(change=replaced(1, a_file)),
    'stderr-a-file': answer(change=replaced(2, a_file)),
    'status-a-file': answer(change=replaced(3, a_file)),
    'status-the-null-device': answer(change=replaced(3, lambda: os.open('/dev/null', os.O_RDWR))),
    'a-terminal': answer(change=lambda ends: [pty.openpty()[0], ends[3]]),
    'status-none': status(b'', before=b'output\n'),
    'status-negative': status(number(-1), before=b'output\n'),
    'status-256': status(number(256), before=b'output\n'),
    'status-huge': status(number(0x7fffffff), before=b'output\n'),
    'status-short': status(b'\x05', before=b'output\n'),
    'status-long': status(number(5) * 100, before=b'output\n'),
    'status-marked': status(b'', mark=11, before=b'output\n'),
    'status-marked-oddly': status(b'', mark=0o777, before=b'output\n'),
}

listeners = {}
for name in ANSWERS:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f'{directory}/{name}.sock')
    listener.listen(1 if name == 'short-queue' else 16)
    listeners[listener] = ANSWERS[name]
print('ready', flush=True)
while True:
    ready, _, _ = select.select([*listeners, sys.stdin], [], [])
    if sys.stdin in ready:
        break
    for listener in ready:
        with listener.accept()[0] as client:
            client.recv(request_bytes, socket.MSG_WAITALL)
            try:
                listeners[listener](client)
            except (BrokenPipeError, ConnectionError):
                pass
