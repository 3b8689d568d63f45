import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import org.apache.qpid.jms.JmsConnectionFactory;
import org.apache.qpid.jms.policy.JmsDefaultPrefetchPolicy;

/** What comes first, and to whom: priorities and message groups. Each step prints a line, and the test compares the lines. */
public final class JmsOrder {
    private static final long WAIT_MS = 5_000;

    public static void main(String[] arguments) throws Exception {
        JmsConnectionFactory factory = new JmsConnectionFactory(arguments[0]);
        try (Connection connection = factory.createConnection()) {
            connection.start();
            rank(connection);
            group(connection);
            closeGroup(connection);
            BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
            takeOver(connection, commands);
        }
        JmsDefaultPrefetchPolicy oneByOne = new JmsDefaultPrefetchPolicy();
        oneByOne.setAll(0);
        factory.setPrefetchPolicy(oneByOne);
        try (Connection connection = factory.createConnection()) {
            connection.start();
            overtake(connection);
        }
    }

    private static void rank(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue("jms.ranked");
        MessageProducer producer = session.createProducer(queue);
        for (int number : new int[] {4, 0, 9, 5, 4, 9}) {
            producer.setPriority(number);
            producer.send(session.createTextMessage("of " + number));
        }
        MessageConsumer consumer = session.createConsumer(queue);
        List<String> seen = new ArrayList<>();
        for (int number = 0; number < 6; number++) {
            TextMessage message = (TextMessage) consumer.receive(WAIT_MS);
            if (!message.getText().equals("of " + message.getJMSPriority())) seen.add("another priority");
            seen.add(message.getText());
        }
        System.out.println("by priority: " + seen);
        session.close();
    }

    /** Without a prefetch what is sent later and is urgent comes next. */
    private static void overtake(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue("jms.overtaken");
        MessageProducer producer = session.createProducer(queue);
        MessageConsumer consumer = session.createConsumer(queue);
        for (String text : new String[] {"first", "second"}) producer.send(session.createTextMessage(text));
        List<String> seen = new ArrayList<>();
        seen.add(((TextMessage) consumer.receive(WAIT_MS)).getText());
        producer.setPriority(9);
        producer.send(session.createTextMessage("urgent"));
        for (int number = 0; number < 2; number++) {
            seen.add(((TextMessage) consumer.receive(WAIT_MS)).getText());
        }
        System.out.println("one by one: " + seen);
        session.close();
    }

    private static void group(Connection connection) throws Exception {
        Session sending = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Session[] sessions = new Session[2];
        MessageConsumer[] consumers = new MessageConsumer[2];
        for (int at = 0; at < 2; at++) {
            sessions[at] = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
            consumers[at] = sessions[at].createConsumer(sessions[at].createQueue("jms.grouped"));
        }
        send(sending, "jms.grouped", "a1", "b1", "a2", "b2", "a3", "b3");
        List<String> one = take(consumers[0], 3);
        List<String> other = take(consumers[1], 3);
        System.out.println("groups: " + inOrder(one, other));
        sessions[0].close();
        System.out.println("its group, by the other: " + take(consumers[1], 3).equals(one));
        send(sending, "jms.grouped", "a4", "b4");
        System.out.println("and what comes then: " + take(consumers[1], 2));
        sessions[1].close();
        sending.close();
    }

    private static void closeGroup(Connection connection) throws Exception {
        Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
        Session other = connection.createSession(true, Session.SESSION_TRANSACTED);
        MessageConsumer first = session.createConsumer(session.createQueue("jms.closing"));
        Session sending = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        send(sending, "jms.closing", "a1", "a2!");
        List<String> closed = take(first, 2);
        MessageConsumer second = other.createConsumer(other.createQueue("jms.closing"));
        send(sending, "jms.closing", "a3");
        boolean waits = first.receiveNoWait() == null && second.receiveNoWait() == null;
        first.close();
        session.commit();
        System.out.println("closed: " + closed + " " + waits + " " + take(second, 1));
        other.commit();
        session.close();
        other.close();
        sending.close();
    }

    private static void takeOver(Connection connection, BufferedReader commands) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        send(session, "jms.kept", "a1", "b1", "a2", "b2", "a3", "b3");
        System.out.println("sent");
        commands.readLine();
        Queue queue = session.createQueue("jms.kept");
        Session otherSession = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageConsumer one = session.createConsumer(queue, "JMSXGroupID = 'a' OR JMSXGroupID = 'c'");
        MessageConsumer other = otherSession.createConsumer(queue);
        send(session, "jms.kept", "a4", "b4");
        System.out.println("after a takeover: " + inOrder(take(one, 4), take(other, 4)));
        session.close();
        otherSession.close();
    }

    /** The first letter is the group; a `!` closes it. */
    private static void send(Session session, String name, String... texts) throws JMSException {
        MessageProducer producer = session.createProducer(session.createQueue(name));
        for (String text : texts) {
            Message message = session.createTextMessage(text);
            message.setStringProperty("JMSXGroupID", text.substring(0, 1));
            if (text.endsWith("!")) message.setIntProperty("JMSXGroupSeq", -1);
            producer.send(message);
        }
        producer.close();
    }

    private static List<String> take(MessageConsumer consumer, int count) throws JMSException {
        List<String> texts = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            TextMessage message = (TextMessage) consumer.receive(WAIT_MS);
            texts.add(message == null ? "nothing" : message.getText());
        }
        return texts;
    }

    private static String inOrder(List<String> one, List<String> other) {
        boolean isFirst = one.toString().compareTo(other.toString()) < 0;
        return isFirst ? one + " " + other : other + " " + one;
    }
}
