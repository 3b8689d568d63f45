"""Prints the orders of send.py (Debian: python3-qpid-proton).

An order that was printed and not yet accepted when the node dies comes again, from the other node.

    python3 receive.py [HOST:PORT ...]
"""

import sys

from proton.handlers import MessagingHandler
from proton.reactor import Container

ADDRESSES = sys.argv[1:] or ["localhost:5672", "localhost:5673"]


class Receiver(MessagingHandler):
    def __init__(self):
        super().__init__(auto_accept=False)

    def on_start(self, event):
        connection = event.container.connect(urls=["amqp://" + address for address in ADDRESSES])
        event.container.create_receiver(connection, "python.orders")

    def on_message(self, event):
        print("received", event.message.body, flush=True)
        self.accept(event.delivery)

    def on_connection_opened(self, event):
        print("connected to", event.connection.remote_container, flush=True)

    def on_transport_error(self, event):
        """A lost connection is not an error here: the next attempt goes to the other node."""


try:
    Container(Receiver()).run()
except KeyboardInterrupt:
    pass
