import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import org.apache.qpid.jms.JmsConnectionFactory;

/** Logs in, sends and receives: prints what it could do, or the kind of exception that it got instead. */
public final class JmsLogin {
    private static final long WAIT_MS = 5_000;

    public static void main(String[] arguments) throws Exception {
        JmsConnectionFactory factory = new JmsConnectionFactory(arguments[0]);
        try (Connection connection = factory.createConnection(arguments[1], arguments[2])) {
            connection.start();
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            Queue queue = session.createQueue(arguments[3]);
            tell(() -> send(session, queue));
            tell(() -> receive(session, queue));
        } catch (JMSException refused) {
            System.out.println(refused.getClass().getSimpleName());
        }
    }

    private interface Step {
        String run() throws JMSException;
    }

    private static void tell(Step step) {
        try {
            System.out.println(step.run());
        } catch (JMSException refused) {
            System.out.println(refused.getClass().getSimpleName());
        }
    }

    private static String send(Session session, Queue queue) throws JMSException {
        MessageProducer producer = session.createProducer(queue);
        producer.send(session.createTextMessage("one"));
        return "sent";
    }

    private static String receive(Session session, Queue queue) throws JMSException {
        MessageConsumer consumer = session.createConsumer(queue);
        return "received " + ((TextMessage) consumer.receive(WAIT_MS)).getText();
    }
}
