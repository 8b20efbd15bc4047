"""
A client of a monitor's attach socket: attach-client.py PATH [FILE [wait]]

Sends FILE's bytes, if any, in packets of 1,000, then ends its input. With `wait` it reads nothing before
stdin ends. Writes what comes to stdout (packets of stream 2) and stderr (3).
"""
import os, socket, sys, threading

client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
directory = os.open(os.path.dirname(sys.argv[1]), os.O_PATH)
client.connect(f'/proc/self/fd/{directory}/{os.path.basename(sys.argv[1])}')

def send():
    with open(sys.argv[2], 'rb') as file:
        while piece := file.read(1000):
            client.send(piece)
    client.shutdown(socket.SHUT_WR)

if len(sys.argv) > 2:
    threading.Thread(target=send, daemon=True).start()
if len(sys.argv) > 3:
    sys.stdin.read()
while packet := client.recv(9000):
    os.write({2: 1, 3: 2}[packet[0]], packet[1:])
