"""
A terminal with somebody at it, for tests: terminal.py ROWS COLUMNS COMMAND [ARG...]

Runs the command on a new pty the way a shell with job control does: in the foreground, in a process group of its own,
while this process keeps the session and the terminal, so that its settings can be looked at when the command has ended.

Commands come as JSON, one a line, on stdin; what happens goes out as JSON, one a line, on stdout.
"""
import base64, fcntl, json, os, pty, select, signal, struct, sys, termios

def tell(**what):
    sys.stdout.write(json.dumps(what) + '\n')
    sys.stdout.flush()

def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

def settings(fd):
    mode = termios.tcgetattr(fd)
    characters = [value if isinstance(value, int) else value[0] for value in mode[6]]
    return mode[:6] + characters

os.setsid()
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
set_size(master, int(sys.argv[1]), int(sys.argv[2]))
for ignored in (signal.SIGHUP, signal.SIGTTOU, signal.SIGTTIN, signal.SIGINT, signal.SIGWINCH):
    signal.signal(ignored, signal.SIG_IGN)

pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(slave, os.getpid())
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
    for fd in range(3):
        os.dup2(slave, fd)
    os.closerange(3, 64)
    os.execvp(sys.argv[3], sys.argv[3:])

def obey(line):
    """Does what a line says; what it wants to be typed."""
    global master
    command = json.loads(line)
    if 'type' in command:
        return base64.b64decode(command['type'])
    if 'size' in command:
        set_size(master, *command['size'])
    elif 'kill' in command:
        os.kill(pid, command['kill'])
    elif 'settings' in command:
        tell(settings=settings(slave))
    elif 'hangup' in command:
        os.close(master)
        master = -1
        # The kernel tells the session's leader; this is what a shell does about it.
        if command['hangup']:
            os.killpg(pid, signal.SIGHUP)
    return b''

def output():
    """What the terminal shows; False when there is nothing to be shown now."""
    try:
        data = os.read(master, 65536)
    except (BlockingIOError, OSError):
        return False
    tell(output=base64.b64encode(data).decode())
    return True

wake_read, wake_write = os.pipe()
os.set_blocking(wake_write, False)
os.set_blocking(master, False)
signal.set_wakeup_fd(wake_write)
signal.signal(signal.SIGCHLD, lambda *_: None)
waiting, typed = b'', b''
while True:
    ended, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
    if ended and os.WIFSTOPPED(status):
        tell(stopped=os.WSTOPSIG(status))
    elif ended and os.WIFCONTINUED(status):
        tell(continued=True)
    elif ended:
        break
    sources = [0, wake_read] + ([master] if master >= 0 else [])
    readable, writable, _ = select.select(sources, [master] if typed and master >= 0 else [], [])
    if wake_read in readable:
        os.read(wake_read, 64)
    if master in readable:
        output()
    if master in writable:
        typed = typed[os.write(master, typed[:4096]):]
    if 0 in readable:
        piece = os.read(0, 1 << 20)
        if not piece:
            sys.exit(1)
        *lines, waiting = (waiting + piece).split(b'\n')
        for line in lines:
            typed += obey(line)
while master >= 0 and output():
    pass
if master >= 0:
    tell(settings=settings(slave))
tell(code=os.WEXITSTATUS(status)) if os.WIFEXITED(status) else tell(signal=os.WTERMSIG(status))
