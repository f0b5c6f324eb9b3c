// Logs in with node-vault to the mount aws, by a request that aws4 signs, and prints the answer of the server as JSON.
import aws4 from "aws4";
import nodeVault from "node-vault";

const body = "Action=GetCallerIdentity&Version=2011-06-15";
const base64 = (text) => Buffer.from(text).toString("base64");
const { env } = process;

const headers = { "Content-Type": "application/x-www-form-urlencoded; charset=utf-8" };
if (env.LOGIN_SERVER_ID) {
  headers["X-Vault-AWS-IAM-Server-ID"] = env.LOGIN_SERVER_ID;
}
const signed = aws4.sign(
  { service: "sts", region: env.AWS_DEFAULT_REGION, method: "POST", path: "/", body, headers },
  {
    accessKeyId: env.AWS_ACCESS_KEY_ID,
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
    sessionToken: env.AWS_SESSION_TOKEN,
  },
);
const vault = nodeVault({ endpoint: env.VAULT_ADDR });
try {
  const answer = await vault.awsIamLogin({
    role: env.LOGIN_ROLE,
    iam_http_request_method: "POST",
    iam_request_url: base64(`https://${signed.headers.Host ?? signed.hostname}/`),
    iam_request_body: base64(body),
    iam_request_headers: base64(JSON.stringify(signed.headers)),
  });
  console.log(JSON.stringify(answer));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
