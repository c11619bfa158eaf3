# Sends a query as if from behind a router: with a TTL of 254. Prints what answers.
# The argument is the address of the interface to send from.
import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.3)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
for ttl in (254, 255):
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
    s.sendto(b"wirelab?\x01" + bytes([ttl]) * 16 + bytes(1175), ("224.0.0.254", 9995))
    try:
        print(ttl, s.recv(2000)[:8].decode())
    except TimeoutError:
        print(ttl, "nothing")
