import jakarta.jms.CompletionListener;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import jakarta.jms.Topic;
import jakarta.jms.TransactionRolledBackException;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;
import java.util.concurrent.Semaphore;
import org.apache.qpid.jms.JmsConnection;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * Everything that a JMS application does at one time over one connection, while the test kills the live node.
 * Each step prints a line, CHANNEL EVENT MESSAGE, of which the test keeps a ledger; it steers this by lines, too.
 */
public final class JmsFailover {
    private static final long WAIT_MS = 200;
    private static final int MESSAGES_OF_A_TRANSACTION = 5;
    private static final int UNDER_WAY_MAXIMUM = 50;

    private final JmsConnection connection;
    private volatile boolean isSending = true;
    private volatile boolean isClosing = false;

    public static void main(String[] arguments) throws Exception {
        JmsConnectionFactory factory = new JmsConnectionFactory(arguments[0]);
        try (JmsConnection connection = (JmsConnection) factory.createConnection()) {
            connection.setClientID("failover");
            new JmsFailover(connection).run();
        }
        System.exit(0);
    }

    private JmsFailover(JmsConnection connection) {
        this.connection = connection;
    }

    private void run() throws Exception {
        connection.addConnectionListener(new ConnectionNews());
        connection.start();
        start("plain", channel -> receive(channel, consumer(plainSession(), channel)));
        List<Thread> producers = new ArrayList<>();
        producers.add(start("plain", this::send));
        start("transacted", this::receiveInTransactions);
        producers.add(start("transacted", this::sendInTransactions));
        Session subscriber = plainSession();
        MessageConsumer durable = subscriber.createDurableSubscriber(subscriber.createTopic("failover.news"), "news");
        start("topic", channel -> receive(channel, durable));
        producers.add(start("topic", this::publish));
        start("listener", this::listen);
        producers.add(start("listener", this::sendWithoutWaiting));
        followCommands(producers);
        isClosing = true;
    }

    private void followCommands(List<Thread> producers) throws Exception {
        PreparedTransaction prepared = null;
        Scanner commands = new Scanner(System.in);
        while (commands.hasNextLine()) {
            switch (commands.nextLine()) {
                case "prepare" -> prepared = new PreparedTransaction(connection);
                case "commit" -> prepared.commit();
                case "stop" -> stop(producers);
                default -> throw new IllegalArgumentException();
            }
        }
    }

    private void stop(List<Thread> producers) throws InterruptedException {
        isSending = false;
        for (Thread producer : producers) producer.join();
        System.out.println("all stopped");
    }

    // Producers.

    private void send(String channel) throws JMSException {
        Session session = plainSession();
        sendAndConfirm(channel, session, session.createProducer(session.createQueue(queueOf(channel))));
    }

    private void publish(String channel) throws JMSException {
        Session session = plainSession();
        Topic topic = session.createTopic("failover.news");
        sendAndConfirm(channel, session, session.createProducer(topic));
    }

    private void sendAndConfirm(String channel, Session session, MessageProducer producer) throws JMSException {
        for (int number = 0; isSending; number++) {
            tell(channel, "sent", "m" + number);
            producer.send(session.createTextMessage("m" + number));
            tell(channel, "confirmed", "m" + number);
        }
    }

    private void sendWithoutWaiting(String channel) throws Exception {
        Session session = plainSession();
        MessageProducer producer = session.createProducer(session.createQueue(queueOf(channel)));
        Semaphore underWay = new Semaphore(UNDER_WAY_MAXIMUM);
        for (int number = 0; isSending; number++) {
            String text = "m" + number;
            underWay.acquire();
            tell(channel, "sent", text);
            producer.send(session.createTextMessage(text), new CompletionListener() {
                @Override
                public void onCompletion(Message message) {
                    tell(channel, "confirmed", text);
                    underWay.release();
                }

                @Override
                public void onException(Message message, Exception failure) {
                    tell(channel, "unconfirmed", text);
                    underWay.release();
                }
            });
        }
        underWay.acquire(UNDER_WAY_MAXIMUM);
    }

    private void sendInTransactions(String channel) throws JMSException {
        Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
        MessageProducer producer = session.createProducer(session.createQueue(queueOf(channel)));
        for (int number = 0; isSending; number++) {
            List<String> texts = new ArrayList<>();
            for (int part = 0; part < MESSAGES_OF_A_TRANSACTION; part++) {
                String text = "t" + number + "." + part;
                tell(channel, "sent", text);
                producer.send(session.createTextMessage(text));
                texts.add(text);
            }
            String event = commits(session) ? "confirmed" : "unconfirmed";
            for (String text : texts) tell(channel, event, text);
        }
    }

    // Consumers.

    private void receive(String channel, MessageConsumer consumer) throws JMSException {
        while (true) {
            TextMessage message = (TextMessage) consumer.receive(WAIT_MS);
            if (message != null) tell(channel, "received", message.getText());
        }
    }

    private void listen(String channel) throws JMSException {
        consumer(plainSession(), channel).setMessageListener(message -> {
            try {
                tell(channel, "received", ((TextMessage) message).getText());
            } catch (JMSException failure) {
                throw new IllegalStateException(failure);
            }
        });
    }

    /** What is in a transaction whose commit failed is counted when it comes again; it may not, if that commit was late. */
    private void receiveInTransactions(String channel) throws JMSException {
        Session session = transactedSession();
        MessageConsumer consumer = consumer(session, channel);
        List<String> texts = new ArrayList<>();
        while (true) {
            TextMessage message = (TextMessage) consumer.receive(WAIT_MS);
            if (message != null) texts.add(message.getText());
            if (message != null && texts.size() < MESSAGES_OF_A_TRANSACTION) continue;
            boolean isCommitted = commits(session);
            for (String text : texts) tell(channel, isCommitted ? "received" : "unknown", text);
            texts.clear();
            if (isCommitted) continue;
            // Qpid JMS gives out once more what this session had fetched, and settles none of it: see docs/amqp.md.
            session.close();
            session = transactedSession();
            consumer = consumer(session, channel);
        }
    }

    // What they share.

    private interface Work {
        void run(String channel) throws Exception;
    }

    private Thread start(String channel, Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run(channel);
            } catch (Exception failure) {
                if (!isClosing) tell(channel, "failed", failure.toString());
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private Session transactedSession() throws JMSException {
        return connection.createSession(true, Session.SESSION_TRANSACTED);
    }

    private Session plainSession() throws JMSException {
        return connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    }

    private static MessageConsumer consumer(Session session, String channel) throws JMSException {
        return session.createConsumer(session.createQueue(queueOf(channel)));
    }

    private static String queueOf(String channel) {
        return "failover." + channel;
    }

    private static boolean commits(Session session) throws JMSException {
        try {
            session.commit();
            return true;
        } catch (TransactionRolledBackException expected) {
            return false;
        }
    }

    private static void tell(String channel, String event, String text) {
        System.out.println(channel + " " + event + " " + text);
    }
}
