"""What a Python application does with Qpid Proton, step by step: each prints a line, and the test compares the lines."""

import sys

from proton import Message
from proton.utils import BlockingConnection

connection = BlockingConnection(sys.argv[1], timeout=10, allowed_mechs="PLAIN ANONYMOUS")
sender = connection.create_sender("proton.orders")
for number in range(3):
    sender.send(Message(durable=True, body="order %d" % number, properties={"number": number}))
receiver = connection.create_receiver("proton.orders", credit=10)
for _ in range(3):
    message = receiver.receive(timeout=10)
    print(message.body, message.properties["number"], message.delivery_count)
    receiver.accept()
sender.send(Message(durable=True, body="released"))
receiver.receive(timeout=10)
receiver.release(delivered=True)
message = receiver.receive(timeout=10)
print(message.body, message.delivery_count)
receiver.accept()
connection.close()
