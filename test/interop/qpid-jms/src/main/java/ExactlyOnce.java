import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import java.net.URI;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Scanner;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.qpid.jms.JmsConnection;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * Four producers and four consumers, each with a connection of its own, while the test kills one live node after another.
 * Every message has an id, and is sent again with it until it is confirmed. WORKER EVENT MESSAGE... is told by lines, a
 * message being ID/SEND with the number of the send() that this copy came from; "stop" lets the queues run empty.
 */
public final class ExactlyOnce {
    private static final String READ = "once.read";
    private static final String MOVED_FROM = "once.from";
    private static final String MOVED_TO = "once.to";
    private static final String SEND_NUMBER = "send";
    private static final int MESSAGES_OF_A_BATCH = 5;
    private static final int SENT_AGAIN = 10;
    private static final int SENDS_MAXIMUM = 500;
    private static final long WAIT_MS = 200;
    private static final long COUNT_WAIT_MS = 1_000;
    /** The first connection is looked for as long as it takes, and a lost one is not: send() throws. */
    private static final String WITHOUT_RECONNECTING =
        "&failover.maxReconnectAttempts=0&failover.startupMaxReconnectAttempts=1000";

    private final String url;
    private volatile boolean isSending = true;
    private volatile boolean isFinishing = false;

    public static void main(String[] arguments) throws Exception {
        new ExactlyOnce(arguments[0]).run();
        System.exit(0);
    }

    private ExactlyOnce(String url) {
        this.url = url;
    }

    private void run() throws Exception {
        List<Thread> producers = List.of(
            start("plain", worker -> new Producer(worker, url, READ, 1).run()),
            start("reopening", worker -> new Producer(worker, url + WITHOUT_RECONNECTING, MOVED_FROM, 1).run()),
            start("transacted-1", worker -> new Producer(worker, url, READ, MESSAGES_OF_A_BATCH).run()),
            start("transacted-2", worker -> new Producer(worker, url, MOVED_FROM, MESSAGES_OF_A_BATCH).run()));
        List<Thread> consumers = List.of(
            start("reader-1", this::read),
            start("reader-2", this::read),
            start("mover-1", this::move),
            start("mover-2", this::move));
        Scanner commands = new Scanner(System.in);
        if (!commands.nextLine().equals("stop")) throw new IllegalArgumentException();
        isSending = false;
        for (Thread producer : producers) producer.join();
        isFinishing = true;
        for (Thread consumer : consumers) consumer.join();
        count();
        System.out.println("all counted");
    }

    // Producers.

    private static final class Outgoing {
        final String id;
        int sends = 0;

        Outgoing(String id) {
            this.id = id;
        }

        @Override
        public String toString() {
            return id + "/" + sends;
        }
    }

    /** Batches of one are not transacted. */
    private final class Producer {
        private final String name;
        private final String url;
        private final String queue;
        private final int batchSize;
        private final boolean reconnects;
        private final Takeovers takeovers = new Takeovers();
        private final Deque<Outgoing> lastConfirmed = new ArrayDeque<>();
        private Connection connection;
        private Session session;
        private MessageProducer producer;

        Producer(String name, String url, String queue, int batchSize) throws JMSException {
            this.name = name;
            this.url = url;
            this.queue = queue;
            reconnects = !url.endsWith(WITHOUT_RECONNECTING);
            this.batchSize = batchSize;
            open();
        }

        private void open() throws JMSException {
            connection = connect(url, takeovers);
            openSession();
        }

        private void openSession() throws JMSException {
            session = batchSize > 1 ? transacted(connection) : connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            producer = session.createProducer(session.createQueue(queue));
        }

        void run() throws Exception {
            for (int number = 0; isSending; number += batchSize) {
                List<Outgoing> batch = new ArrayList<>();
                for (int part = 0; part < batchSize; part++) batch.add(new Outgoing(name + "-" + (number + part)));
                sendUntilConfirmed(batch);
                lastConfirmed.addAll(batch);
                while (lastConfirmed.size() > SENT_AGAIN) lastConfirmed.remove();
                if (takeovers.wasRestored()) sendAgain();
            }
        }

        /** As a program does that was itself started anew, and has not kept what was confirmed last. */
        private void sendAgain() throws Exception {
            List<Outgoing> all = new ArrayList<>(lastConfirmed);
            for (int at = 0; at < all.size(); at += batchSize) sendUntilConfirmed(all.subList(at, at + batchSize));
        }

        private void sendUntilConfirmed(List<Outgoing> batch) throws Exception {
            while (true) {
                try {
                    for (Outgoing one : batch) {
                        one.sends++;
                        producer.send(message(session, one.id, one.sends));
                    }
                    if (batchSize > 1) session.commit();
                    tell(name, "confirmed", batch);
                    return;
                } catch (JMSException failure) {
                    tell(name, failure.getClass().getSimpleName(), batch);
                    if (batch.get(0).sends > SENDS_MAXIMUM) throw failure;
                    recover();
                }
            }
        }

        /** Waits until there is a connection. A new session has nothing of the old one: see move(). */
        private void recover() throws JMSException {
            session.close();
            if (reconnects) {
                openSession();
                return;
            }
            connection.close();
            open();
            takeovers.onConnectionRestored(null);
        }
    }

    private static final class Takeovers extends ConnectionNews {
        private final AtomicBoolean wasRestored = new AtomicBoolean();

        @Override
        public void onConnectionRestored(URI remote) {
            super.onConnectionRestored(remote);
            wasRestored.set(true);
        }

        /** Without failover every send fails then, which is enough. */
        @Override
        public void onConnectionFailure(Throwable failure) {
        }

        @Override
        public void onSessionClosed(Session session, Throwable cause) {
        }

        @Override
        public void onProducerClosed(MessageProducer producer, Throwable cause) {
        }

        /** Whether it was since this was asked last. */
        boolean wasRestored() {
            return wasRestored.getAndSet(false);
        }
    }

    // Consumers.

    /** Acknowledges several at a time, so that some are not acknowledged when the node dies. */
    private void read(String name) throws JMSException {
        Session session = connect(url).createSession(false, Session.CLIENT_ACKNOWLEDGE);
        MessageConsumer consumer = session.createConsumer(session.createQueue(READ));
        while (true) {
            Message last = null;
            for (int count = 0; count < MESSAGES_OF_A_BATCH; count++) {
                Message message = consumer.receive(WAIT_MS);
                if (message == null) break;
                tell(name, message.getJMSRedelivered() ? "redelivered" : "delivered", List.of(describe(message)));
                last = message;
            }
            if (last != null) acknowledge(name, last);
            else if (isFinishing) return;
        }
    }

    private static void acknowledge(String name, Message message) throws JMSException {
        try {
            message.acknowledge();
        } catch (JMSException failure) {
            tell(name, failure.getClass().getSimpleName(), List.of(describe(message)));
        }
    }

    /** What is taken from one queue goes to another one in the same transaction: both happen, or neither. */
    private void move(String name) throws JMSException {
        Connection connection = connect(url);
        Mover mover = new Mover(name, transacted(connection));
        while (!mover.isDone) {
            if (mover.moveBatch()) continue;
            // After a rollback by commit() itself, Qpid JMS still has messages that it has given back to the broker:
            // it hands them out, and settles nothing, so that a later commit() says that they were consumed.
            mover.session.close();
            mover = new Mover(name, transacted(connection));
        }
    }

    private final class Mover {
        private final String name;
        private final Session session;
        private final MessageConsumer consumer;
        private final MessageProducer producer;
        private boolean isDone = false;

        Mover(String name, Session session) throws JMSException {
            this.name = name;
            this.session = session;
            consumer = session.createConsumer(session.createQueue(MOVED_FROM));
            producer = session.createProducer(session.createQueue(MOVED_TO));
        }

        boolean moveBatch() {
            List<String> batch = new ArrayList<>();
            String otherwise = "not-moved";
            try {
                while (batch.size() < MESSAGES_OF_A_BATCH) {
                    TextMessage message = (TextMessage) consumer.receive(WAIT_MS);
                    if (message == null) break;
                    batch.add(describe(message));
                    producer.send(message(session, message.getText(), message.getIntProperty(SEND_NUMBER)));
                }
                isDone = batch.isEmpty() && isFinishing;
                otherwise = "in-doubt";
                session.commit();
                tell(name, "moved", batch);
                return true;
            } catch (JMSException failure) {
                tell(name, otherwise, batch);
                isDone = false;
                return false;
            }
        }
    }

    /** A plain consumer, when nobody else is there any more. */
    private void count() throws JMSException {
        Session session = connect(url).createSession(false, Session.AUTO_ACKNOWLEDGE);
        drain(session, MOVED_TO, "counted");
        for (String queue : List.of(READ, MOVED_FROM)) {
            drain(session, queue, "left");
            drain(session, "DLQ." + queue, "left");
        }
    }

    private static void drain(Session session, String queue, String event) throws JMSException {
        try (MessageConsumer consumer = session.createConsumer(session.createQueue(queue))) {
            while (true) {
                Message message = consumer.receive(COUNT_WAIT_MS);
                if (message == null) return;
                tell(queue, event, List.of(describe(message)));
            }
        }
    }

    // What they share.

    private interface Work {
        void run(String worker) throws Exception;
    }

    private static Thread start(String name, Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run(name);
            } catch (Exception failure) {
                failure.printStackTrace();
                System.out.println(name + " ended " + failure);
            }
        });
        thread.start();
        return thread;
    }

    private static Connection connect(String url) throws JMSException {
        return connect(url, new ConnectionNews());
    }

    private static Connection connect(String url, ConnectionNews news) throws JMSException {
        JmsConnection connection = (JmsConnection) new JmsConnectionFactory(url).createConnection();
        connection.addConnectionListener(news);
        connection.start();
        return connection;
    }

    private static Session transacted(Connection connection) throws JMSException {
        return connection.createSession(true, Session.SESSION_TRANSACTED);
    }

    private static TextMessage message(Session session, String id, int send) throws JMSException {
        TextMessage message = session.createTextMessage(id);
        message.setStringProperty("_AMQ_DUPL_ID", id);
        message.setIntProperty(SEND_NUMBER, send);
        return message;
    }

    private static String describe(Message message) throws JMSException {
        return ((TextMessage) message).getText() + "/" + message.getIntProperty(SEND_NUMBER);
    }

    private static void tell(String worker, String event, List<?> messages) {
        StringBuilder line = new StringBuilder(worker).append(' ').append(event);
        for (Object message : messages) line.append(' ').append(message);
        System.out.println(line);
    }
}
