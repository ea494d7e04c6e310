"""visitors SECONDS: what people at the client do: look the shop's name up twice a second, from a new port each time as
resolvers do, and open its page once a second, over HTTP and HTTPS in turn.

Prints one JSON object: how many lookups and visits went well, and how many did not.
"""

import http.client
import json
import socket
import ssl
import struct
import sys
import threading
import time

VIP = "203.0.113.10"
SERVER = "192.0.2.1"
QUESTION = b"\4shop\7example\0" + struct.pack("!2H", 1, 1)
ANSWER = socket.inet_aton("192.0.2.80")

# Longer than a slow emulator takes; a packet that the table refused does not come later either.
LOOKUP_SECONDS = 5
# A refused SYN is sent again after 1, 3 and 7 seconds.
VISIT_SECONDS = 10

ENCRYPTED = ssl.create_default_context()
ENCRYPTED.check_hostname = False
ENCRYPTED.verify_mode = ssl.CERT_NONE


def lookup(number):
    query = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + QUESTION
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(LOOKUP_SECONDS)
        client.connect((SERVER, 53))
        client.send(query)
        reply = client.recv(512)
        return reply[:2] == query[:2] and ANSWER in reply


def visit(number):
    if number % 2:
        page = http.client.HTTPSConnection(VIP, timeout=VISIT_SECONDS, context=ENCRYPTED)
    else:
        page = http.client.HTTPConnection(VIP, timeout=VISIT_SECONDS)
    try:
        page.request("GET", "/", headers={"Connection": "close"})
        return page.getresponse().status == 200
    finally:
        page.close()


results = {"answered": 0, "dns_errors": 0, "visits": 0, "visit_errors": 0}
lock = threading.Lock()


def attempt(action, number, good, bad):
    try:
        went_well = action(number)
    except (OSError, http.client.HTTPException):
        went_well = False
    with lock:
        results[good if went_well else bad] += 1


end = time.monotonic() + float(sys.argv[1])
threads = []
beat = 0
while time.monotonic() < end:
    jobs = [(lookup, beat, "answered", "dns_errors")]
    if beat % 2:
        jobs.append((visit, beat // 2, "visits", "visit_errors"))
    for job in jobs:
        threads.append(threading.Thread(target=attempt, args=job))
        threads[-1].start()
    beat += 1
    time.sleep(0.5)
for thread in threads:
    thread.join()
print(json.dumps(results))
