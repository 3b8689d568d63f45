import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.MessageConsumer;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import javax.naming.Context;
import javax.naming.InitialContext;

/** Waits for one text. It is acknowledged only when it has been printed: a program that dies before gets it again. */
public final class Receive {
    private static final long WAIT_MS = 10_000;

    public static void main(String[] arguments) throws Exception {
        Context context = new InitialContext();
        ConnectionFactory factory = (ConnectionFactory) context.lookup("jms/ConnectionFactory");
        Queue queue = (Queue) context.lookup("jms/Queue");
        try (Connection connection = factory.createConnection()) {
            Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
            MessageConsumer consumer = session.createConsumer(queue);
            connection.start();
            TextMessage message = (TextMessage) consumer.receive(WAIT_MS);
            if (message == null) {
                System.out.println("nothing came");
                return;
            }
            System.out.println("received: " + message.getText());
            message.acknowledge();
        }
    }
}
