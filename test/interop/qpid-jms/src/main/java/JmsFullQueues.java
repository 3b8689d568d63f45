import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import org.apache.qpid.jms.JmsConnectionFactory;

/** What a JMS application sees of full queues: each step prints a line, and the test compares the lines. */
public final class JmsFullQueues {
    private static final long WAIT_MS = 5_000;

    private interface Step {
        void run() throws JMSException;
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection connection = new JmsConnectionFactory(arguments[0]).createConnection()) {
            connection.start();
            send(connection);
            transact(connection);
        }
    }

    private static void send(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue("rejects");
        MessageProducer producer = session.createProducer(queue);
        for (int number = 1; number <= 3; number++) {
            TextMessage message = session.createTextMessage("message " + number);
            attempt("send " + number, () -> producer.send(message));
        }
        takeAll(connection, queue, 2);
        TextMessage again = session.createTextMessage("message 3");
        attempt("send 3 again", () -> producer.send(again));
        takeAll(connection, queue, 1);
        session.close();
    }

    /** In a transaction: when it is committed, there is room for sure. */
    private static void takeAll(Connection connection, Queue queue, int count) throws Exception {
        Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
        MessageConsumer consumer = session.createConsumer(queue);
        for (int number = 1; number <= count; number++) {
            receive(consumer);
        }
        session.commit();
        session.close();
    }

    private static void transact(Connection connection) throws Exception {
        Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
        MessageProducer producer = session.createProducer(null);
        Queue rejects = session.createQueue("rejects");
        Queue drops = session.createQueue("drops");
        Queue other = session.createQueue("other");
        producer.send(other, session.createTextMessage("with too much"));
        for (int number = 1; number <= 3; number++) {
            producer.send(rejects, session.createTextMessage("transacted " + number));
        }
        attempt("commit of too much", session::commit);
        producer.send(other, session.createTextMessage("with what fits"));
        for (int number = 1; number <= 2; number++) {
            producer.send(rejects, session.createTextMessage("fits " + number));
        }
        for (int number = 1; number <= 3; number++) {
            producer.send(drops, session.createTextMessage("dropping " + number));
        }
        attempt("commit of what fits", session::commit);
        producer.send(other, session.createTextMessage("with one for a full queue"));
        TextMessage tooMuch = session.createTextMessage("for a full queue");
        attempt("send in a transaction", () -> producer.send(rejects, tooMuch));
        attempt("its commit", session::commit);
        for (Queue queue : new Queue[] {other, rejects, rejects, drops, drops}) {
            MessageConsumer consumer = session.createConsumer(queue);
            receive(consumer);
            session.commit();
            consumer.close();
        }
        MessageConsumer consumer = session.createConsumer(drops);
        System.out.println("nothing more: " + consumer.receiveNoWait());
        session.close();
    }

    private static void receive(MessageConsumer consumer) throws Exception {
        TextMessage message = (TextMessage) consumer.receive(WAIT_MS);
        System.out.println("received " + (message == null ? null : message.getText()));
    }

    private static void attempt(String what, Step step) {
        try {
            step.run();
            System.out.println(what + ": done");
        } catch (JMSException failure) {
            System.out.println(what + ": " + failure.getClass().getSimpleName());
        }
    }
}
