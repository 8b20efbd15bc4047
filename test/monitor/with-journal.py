"""
A program, and a journal for it to write to: with-journal.py FILE COMMAND…

In a mount namespace of its own, binds the journal's socket, runs the command, writes the messages that came to
FILE as a list in JSON, and ends with the command's code.
"""
import json, os, socket, subprocess, sys

os.makedirs('/run/systemd', exist_ok=True)
subprocess.run(['mount', '-t', 'tmpfs', 'none', '/run/systemd'], check=True)
os.mkdir('/run/systemd/journal')
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind('/run/systemd/journal/socket')
code = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL).returncode
journal.setblocking(False)
messages = []
try:
    while True:
        messages.append(journal.recv(1 << 20).decode('latin1'))
except BlockingIOError:
    pass
with open(sys.argv[1], 'w') as file:
    json.dump(messages, file)
sys.exit(code)
