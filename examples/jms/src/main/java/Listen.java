import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageListener;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import java.util.concurrent.CountDownLatch;
import javax.naming.Context;
import javax.naming.InitialContext;

/** Prints what comes, until it is stopped (Ctrl-C). A message is acknowledged when onMessage() has returned. */
public final class Listen implements MessageListener {
    public static void main(String[] arguments) throws Exception {
        Context context = new InitialContext();
        ConnectionFactory factory = (ConnectionFactory) context.lookup("jms/ConnectionFactory");
        Queue queue = (Queue) context.lookup("jms/Queue");
        try (Connection connection = factory.createConnection()) {
            CountDownLatch hasFailed = new CountDownLatch(1);
            // Told only of what failover cannot mend.
            connection.setExceptionListener(failure -> {
                System.err.println("the connection has failed: " + failure.getMessage());
                hasFailed.countDown();
            });
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            session.createConsumer(queue).setMessageListener(new Listen());
            connection.start();
            System.out.println("listening");
            hasFailed.await();
        }
    }

    @Override
    public void onMessage(Message message) {
        try {
            System.out.println("received: " + ((TextMessage) message).getText());
        } catch (JMSException failure) {
            // Qpid JMS then gives it back, and it comes again at once, any number of times. A transacted session
            // that rolls back is counted: its messages go to DLQ.hello after limits.maxDeliveries attempts.
            throw new IllegalStateException(failure);
        }
    }
}
