import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Session;
import java.net.URI;
import org.apache.qpid.jms.JmsConnectionListener;
import org.apache.qpid.jms.message.JmsInboundMessageDispatch;

/** Tells when failover has done its work, and of everything that it must not let an application see. */
class ConnectionNews implements JmsConnectionListener {
    @Override
    public void onConnectionEstablished(URI remote) {
    }

    @Override
    public void onConnectionFailure(Throwable failure) {
        System.out.println("all failed " + failure);
    }

    @Override
    public void onConnectionInterrupted(URI remote) {
    }

    @Override
    public void onConnectionRestored(URI remote) {
        System.out.println("all connected");
    }

    @Override
    public void onInboundMessage(JmsInboundMessageDispatch envelope) {
    }

    @Override
    public void onSessionClosed(Session session, Throwable cause) {
        System.out.println("all failed " + cause);
    }

    @Override
    public void onConsumerClosed(MessageConsumer consumer, Throwable cause) {
        System.out.println("all failed " + cause);
    }

    @Override
    public void onProducerClosed(MessageProducer producer, Throwable cause) {
        System.out.println("all failed " + cause);
    }
}
