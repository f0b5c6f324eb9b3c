import java.net.URI;

import org.springframework.http.client.SimpleClientHttpRequestFactory;
import org.springframework.vault.authentication.AwsIamAuthentication;
import org.springframework.vault.authentication.AwsIamAuthenticationOptions;
import org.springframework.vault.client.VaultClients;
import org.springframework.vault.client.VaultEndpoint;

import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.regions.Region;

/** Logs in with Spring Vault to the mount aws and prints the token as the server's answer has it. */
public final class Login {
    public static void main(String[] arguments) {
        var options = AwsIamAuthenticationOptions.builder()
            .credentialsProvider(DefaultCredentialsProvider.create())
            .region(Region.of(System.getenv("AWS_DEFAULT_REGION")));
        if (System.getenv("LOGIN_ROLE") != null) {
            options.role(System.getenv("LOGIN_ROLE"));
        }
        if (System.getenv("LOGIN_SERVER_ID") != null) {
            options.serverId(System.getenv("LOGIN_SERVER_ID"));
        }
        var endpoint = VaultEndpoint.from(URI.create(System.getenv("VAULT_ADDR")));
        var rest = VaultClients.createRestTemplate(endpoint, new SimpleClientHttpRequestFactory());
        try {
            var token = new AwsIamAuthentication(options.build(), rest).login();
            System.out.println("{\"auth\": {\"client_token\": \"" + token.getToken() + "\"}}");
        } catch (RuntimeException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }
}
