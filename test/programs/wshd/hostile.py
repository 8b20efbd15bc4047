"""
Clients of wshd that do what Node cannot: hostile.py SOCKET REQUEST-FILE ACT

Tells as JSON what the answer was: its bytes, how many descriptors came with it, and what was read from the last of them.
"""
import array, json, os, socket, struct, sys, time

path, file, act = sys.argv[1:4]
request = open(file, 'rb').read()

def connect():
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(path)
    return client

def rights(fds):
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))]

def answer(client):
    """The answer as it is on the wire, and the exit status behind it."""
    try:
        data, control, _, _ = client.recvmsg(4096, 4096)
    except ConnectionError:
        return {'bytes': -1, 'descriptors': 0, 'status': None}
    fds = array.array('i')
    for level, kind, payload in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload)
    status = os.read(fds[-1], 4096) if fds else None
    for fd in fds:
        os.close(fd)
    return {'bytes': len(data), 'descriptors': len(fds), 'status': struct.unpack('<i', status)[0] if status else None}

def with_descriptors(count):
    client = connect()
    client.sendmsg([request], rights([0] * count))
    return answer(client)

def with_descriptors_in_pieces():
    client = connect()
    for at in range(0, len(request), 100):
        client.sendmsg([request[at:at + 100]], rights([0, 1, 2]))
    return answer(client)

def with_itself():
    client = connect()
    client.sendmsg([request], rights([client.fileno()]))
    return answer(client)

def with_a_cycle():
    """Two sockets of which each waits in the other's queue: only the kernel's own collector gets rid of them."""
    a, b = socket.socketpair()
    a.sendmsg([b'x'], rights([b.fileno()]))
    b.sendmsg([b'x'], rights([a.fileno()]))
    client = connect()
    client.sendmsg([request], rights([a.fileno(), b.fileno()]))
    return answer(client)

def with_descriptors_then_silent():
    client = connect()
    client.sendmsg([request[:50]], rights([0] * 253))
    client.close()
    return answer(connect_and_send())

def connect_and_send():
    client = connect()
    client.sendall(request)
    return client

def urgent():
    client = connect()
    try:
        client.send(b'!', socket.MSG_OOB)
    except OSError:
        pass
    client.sendall(request)
    return answer(client)

def shut_for_reading():
    client = connect()
    client.shutdown(socket.SHUT_RD)
    try:
        client.sendall(request)
    except OSError:
        pass
    return answer(client)

def behind_others():
    """Accepted while others have the lowest numbers, served when these are free again; what its command says."""
    others = [connect() for _ in range(3)]
    client = connect()
    client.sendall(request[:1])
    time.sleep(0.1)
    for other in others:
        other.close()
    time.sleep(0.1)
    client.sendall(request[1:])
    _, control, _, _ = client.recvmsg(64, 256)
    fds = array.array('i', control[0][2])
    return {'stdout': os.read(fds[1], 4096).decode('latin1'), 'stderr': os.read(fds[2], 4096).decode('latin1')}

def with_a_full_status():
    """Fills the pipe that its command's exit status goes into, keeps it, and asks for another command."""
    client = connect_and_send()
    _, control, _, _ = client.recvmsg(64, 256)
    fds = array.array('i', control[0][2])
    writing = os.open(f'/proc/self/fd/{fds[-1]}', os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        pass
    # Its stdout ends with the command, whose status is told next.
    os.read(fds[1], 1)
    time.sleep(0.1)
    return answer(connect_and_send())

def a_thousand():
    clients = [connect() for _ in range(1000)]
    for client in clients:
        client.sendall(request)
    answers = [answer(client) for client in clients]
    return {'served': len(answers), 'kinds': [json.loads(kind) for kind in {json.dumps(each) for each in answers}]}

print(json.dumps({
    'nothing-special': lambda: answer(connect_and_send()),
    'one-descriptor': lambda: with_descriptors(1),
    'all-the-descriptors': lambda: with_descriptors(253),
    'descriptors-in-pieces': with_descriptors_in_pieces,
    'itself': with_itself,
    'a-full-status': with_a_full_status,
    'a-cycle': with_a_cycle,
    'descriptors-then-gone': with_descriptors_then_silent,
    'out-of-band': urgent,
    'shut-for-reading': shut_for_reading,
    'a-thousand': a_thousand,
    'behind-others': behind_others,
}[act]()))
