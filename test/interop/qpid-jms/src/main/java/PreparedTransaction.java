import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import jakarta.jms.TransactionRolledBackException;
import java.util.ArrayList;
import java.util.List;

/** A transaction of which only the commit is missing when the live node dies: it is rolled back, and then done again. */
final class PreparedTransaction {
    private static final long WAIT_MS = 10_000;
    private static final int TAKEN = 3;
    private static final int SENT = 20;

    private final Connection connection;
    private final Session session;
    private final MessageConsumer consumer;
    private final MessageProducer producer;

    PreparedTransaction(Connection connection) throws JMSException {
        this.connection = connection;
        session = connection.createSession(true, Session.SESSION_TRANSACTED);
        Queue from = session.createQueue("prepared.from");
        MessageProducer filler = session.createProducer(from);
        for (int number = 0; number < TAKEN; number++) filler.send(session.createTextMessage("taken " + number));
        session.commit();
        consumer = session.createConsumer(from);
        producer = session.createProducer(session.createQueue("prepared.to"));
        System.out.println("prepared took " + work());
    }

    void commit() throws JMSException {
        try {
            session.commit();
            System.out.println("prepared was committed although its node is gone");
        } catch (TransactionRolledBackException expected) {
            System.out.println("prepared was rolled back");
        }
        System.out.println("prepared took " + work());
        session.commit();
        System.out.println("prepared left " + consumer.receiveNoWait());
        System.out.println("prepared sent " + countSent());
    }

    private List<String> work() throws JMSException {
        List<String> taken = new ArrayList<>();
        for (int number = 0; number < TAKEN; number++) {
            taken.add(((TextMessage) consumer.receive(WAIT_MS)).getText());
        }
        for (int number = 0; number < SENT; number++) producer.send(session.createTextMessage("sent " + number));
        return taken;
    }

    private int countSent() throws JMSException {
        Session reader = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageConsumer sent = reader.createConsumer(reader.createQueue("prepared.to"));
        int count = 0;
        while (sent.receiveNoWait() != null) count++;
        return count;
    }
}
