"""
A service manager's notification socket: manager.py SOCKET FILE

Takes datagrams until stdin ends, then writes those that came to FILE as a list in JSON.
"""
import json, select, socket, sys

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
messages = []
while True:
    ready, _, _ = select.select([manager, sys.stdin], [], [])
    if manager in ready:
        messages.append(manager.recv(1 << 16).decode())
    elif not sys.stdin.read(1):
        break
with open(sys.argv[2], 'w') as file:
    json.dump(messages, file)
