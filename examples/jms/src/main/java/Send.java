import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.MessageProducer;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import javax.naming.Context;
import javax.naming.InitialContext;

/** Sends one text. The message is on stable storage when send() returns, and survives the node. */
public final class Send {
    public static void main(String[] arguments) throws Exception {
        Context context = new InitialContext();
        ConnectionFactory factory = (ConnectionFactory) context.lookup("jms/ConnectionFactory");
        Queue queue = (Queue) context.lookup("jms/Queue");
        try (Connection connection = factory.createConnection()) {
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            MessageProducer producer = session.createProducer(queue);
            TextMessage message = session.createTextMessage("Hello, World!");
            producer.send(message);
            System.out.println("sent: " + message.getText());
        }
    }
}
