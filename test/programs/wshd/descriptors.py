"""
Runs a program on descriptors that somebody else has, too: descriptors.py KIND COMMAND [ARG...]

KIND is pipe, socket, file or terminal, "-nonblocking" behind it when its owner made it so. All three standard descriptors
are of that kind; what the program writes to stdout is read slowly. Told on stdout, as JSON: how many bytes came and their
SHA-256, the exit code, and the descriptors' O_NONBLOCK flags before, while and after the program ran.
"""
import fcntl, hashlib, json, os, pty, select, socket, subprocess, sys, tempfile, time

kind, _, mode = sys.argv[1].partition('-')

def pair():
    """Our end, and the program's."""
    if kind == 'pipe':
        return os.pipe()
    if kind == 'terminal':
        ours, theirs = pty.openpty()
        os.system(f'stty raw -echo < {os.ttyname(theirs)}')
        return ours, theirs
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()

def end(for_input):
    if kind == 'file':
        file = tempfile.TemporaryFile()
        return file.fileno() if not for_input else os.open('/dev/null', os.O_RDONLY), file
    ours, theirs = pair()
    if kind == 'pipe' and for_input:
        ours, theirs = theirs, ours
    return theirs, ours

def flags():
    return [bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK) for fd in theirs]

(stdin, feed), (stdout, out), (stderr, err) = end(True), end(False), end(False)
theirs = [stdin, stdout, stderr]
for fd in theirs:
    os.set_blocking(fd, mode != 'nonblocking')
before = flags()
child = subprocess.Popen(sys.argv[2:], stdin=stdin, stdout=stdout, stderr=stderr)
digest, size, during = hashlib.sha256(), 0, []
if kind == 'file':
    while child.poll() is None:
        during.append(flags())
        time.sleep(0.002)
    data = os.pread(stdout, 1 << 30, 0)
    digest.update(data)
    size = len(data)
else:
    while True:
        # Our own copy of the program's end is open: the end of the program is the end of what it writes.
        ready, _, _ = select.select([out], [], [], 0.01)
        if ready:
            data = os.read(out, 65536)
            digest.update(data)
            size += len(data)
            if size < 4 << 20 and len(during) < 100:
                time.sleep(0.002)
            during.append(flags())
        elif child.poll() is not None and not select.select([out], [], [], 0)[0]:
            break
print(json.dumps({
    'code': child.wait(), 'bytes': size, 'sha256': digest.hexdigest(),
    'before': before, 'during': [list(each) for each in sorted(set(map(tuple, during)))], 'after': flags(),
}))
