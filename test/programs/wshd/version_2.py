"""
Clients of wshd in protocol 2: version_2.py SOCKET REQUEST CASE

REQUEST: a request of protocol 2 as `warden wire encode request-2` makes it, whose lengths fit the block "sh\\0-c\\0SCRIPT\\0". Prints
the records that come, each as "KIND FAILURE ERRNO DETAIL STATUS DESCRIPTORS", and what the command writes to stdout.
"""
import array, fcntl, os, signal, socket, struct, sys, time

path, case = sys.argv[1], sys.argv[3]
message = bytearray(open(sys.argv[2], 'rb').read())
ADD_SEALS, SEALS = 1033, 1 | 2 | 4 | 8
SCRIPT = {'signal': 'sleep 60 & wait', 'descriptor': 'cat <&3', 'nonsense': 'sleep .5; echo ran'}.get(case, 'echo ran; exit 3').encode()
block = b'sh\0-c\0' + SCRIPT + b'\0'

def number(at, value): struct.pack_into('<i', message, at, value)

def memory(content, seals):
    fd = os.memfd_create('block', os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    if seals:
        fcntl.fcntl(fd, ADD_SEALS, seals)
    return fd

number(20, len(block))
given = [memory(block, SEALS)]
if case == 'unsealed':
    given = [memory(block, 0)]
elif case == 'half-sealed':
    given = [memory(block, 1 | 2)]
elif case == 'short':
    given = [memory(block[:-3], SEALS)]
elif case == 'long':
    given = [memory(block + bytes(100), SEALS)]
elif case == 'endless':
    given = [memory(block[:-1] + b'x', SEALS)]
elif case == 'pipe':
    given = [os.pipe()[0]]
elif case == 'file':
    given = [os.open('/etc/passwd', os.O_RDONLY)]
elif case == 'none':
    given = []
elif case == 'surplus':
    given += [0]
elif case == 'many':
    given += [0] * 60
elif case == 'descriptor':
    number(416, 1)
    given += [memory(b'from the client\n', 0)]
    os.lseek(given[-1], 0, 0)
elif case == 'huge':
    number(20, 6 << 20)
    given = [memory(b'x\0' * (3 << 20), SEALS)]
elif case == 'bad':
    number(16, 0o1000)

connection = socket.socket(socket.AF_UNIX)
connection.connect(path)
connection.sendall(message[:4])
if case == 'pieces':
    connection.sendmsg([message[4:9]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', given))])
    time.sleep(.1)
    connection.sendall(message[9:])
elif case == 'late':
    connection.sendall(message[4:9])
    time.sleep(.1)
    connection.sendmsg([message[9:]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', given))])
else:
    connection.sendmsg([message[4:]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', given))] if given else [])
output = None
while True:
    record, control, _, _ = connection.recvmsg(48, 256)
    if not record:
        break
    while len(record) < 48:
        record += connection.recv(48 - len(record))
    fds = array.array('i', control[0][2]) if control else []
    if len(fds):
        output = fds[1]
        os.close(fds[0])
        if case == 'signal':
            time.sleep(.3)
            for piece in (struct.pack('<iii', 2, 9, 1)[:5], struct.pack('<iii', 2, 9, 1)[5:]):
                connection.sendall(piece)
                time.sleep(.05)
        if case == 'nonsense':
            connection.sendall(struct.pack('<iii', 2, 99, 0))
        if case == 'shutdown':
            connection.shutdown(socket.SHUT_WR)
    version, kind, failure, errno, detail, status, user, system, largest = struct.unpack('<6i3Q', record)
    if version != 2 or (kind == 3) != (largest > 0):
        print('a bad record', record)
    print(kind, failure, errno, detail, status, len(fds))
if output is not None:
    print(os.read(output, 100))
