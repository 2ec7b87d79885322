import java.io.FileInputStream;
import java.net.InetAddress;
import java.security.KeyStore;
import java.security.Security;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/** A server that speaks everything that its JDK still can: port, PKCS #12 file and protocols are its arguments. */
public class OldServer {
    public static void main(String[] arguments) throws Exception {
        Security.setProperty("jdk.tls.disabledAlgorithms", "");
        Security.setProperty("jdk.tls.legacyAlgorithms", "");
        char[] password = "secret".toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream in = new FileInputStream(arguments[1])) {
            store.load(in, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        InetAddress loopback = InetAddress.getByName("127.0.0.1");
        int port = Integer.parseInt(arguments[0]);
        SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 50, loopback);
        server.setEnabledProtocols(arguments[2].split(","));
        server.setEnabledCipherSuites(server.getSupportedCipherSuites());
        while (true) {
            SSLSocket client = (SSLSocket) server.accept();
            new Thread(() -> {
                try (client) {
                    client.setSoTimeout(5000);
                    client.startHandshake();
                } catch (Exception error) {
                    // Most clients of a scan go away in between.
                }
            }).start();
        }
    }
}
