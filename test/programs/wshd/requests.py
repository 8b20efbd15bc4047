"""
Many clients of wshd, one after the other: requests.py SOCKET COUNT FILE=STATUS...

Sends the requests in the files in turn; each has to be answered, and its command to end with that status. A file whose
status is "refused" has to be answered with the end of the connection. Prints how many were as they should be.
"""
import array, os, socket, struct, sys

path, count = sys.argv[1], int(sys.argv[2])
kinds = []
for word in sys.argv[3:]:
    file, _, status = word.partition('=')
    kinds.append((open(file, 'rb').read(), None if status == 'refused' else int(status)))

def ask(request):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(request)
        data, control, _, _ = client.recvmsg(64, 256)
    if not data:
        return None
    fds = array.array('i', control[0][2])
    status = os.read(fds[-1], 8)
    for fd in fds:
        os.close(fd)
    return struct.unpack('<i', status)[0]

good = 0
for number in range(count):
    request, expected = kinds[number % len(kinds)]
    good += ask(request) == expected
print(good)
