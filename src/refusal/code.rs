//! The codes: one row for each cause.

use std::fmt;

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Whoever sent the request.
    Client,
    /// Whoever runs the mount: its configuration, its roles, its rights in AWS.
    Operator,
    /// AWS did not answer, or not as documented; it may pass.
    Aws,
    /// The server that runs the plugin.
    Host,
}

impl Blame {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Operator => "operator",
            Self::Aws => "aws",
            Self::Host => "host",
        }
    }
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $blame:ident, $hint:literal;)+) => {
        /// The stable name of a cause.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name, as logs and documentation have it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Who must act.
            #[must_use]
            pub const fn blame(self) -> Blame {
                match self { $(Self::$variant => Blame::$blame,)+ }
            }

            /// One line on what helps. It is fixed: nothing of a request is ever in it.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint,)+ }
            }
        }
    };
}

codes! {
    // Requests and their fields.
    UnsupportedPath = "request.path", Client, "Check the path; those there are stand in the help of the mount: path-help auth/<mount>.";
    UnsupportedOperation = "request.operation", Client, "Use an operation that the path has; its help names them.";
    RequestData = "request.data", Client, "Send one JSON object within the limits on size and depth.";
    FieldValue = "field.value", Client, "Give the field a value of the type that its help names.";
    // Logins of both types.
    LoginBothTypes = "login.both_types", Client, "Send the fields of one login type: iam_* or pkcs7, identity and signature.";
    LoginIncomplete = "login.incomplete", Client, "Send all fields of a login type: the four iam_* fields, pkcs7, or identity with signature.";
    LoginRoleMissing = "login.role_missing", Client, "Name a role; ec2 logins without one take the AMI id.";
    LoginRoleUnknown = "login.role_unknown", Client, "Name an existing role; without a name, iam logins take that of the principal and ec2 logins the AMI id.";
    LoginRoleWrongType = "login.role_wrong_type", Client, "Use a role whose auth_type is that of the login.";
    LoginJwtBeside = "login.jwt_beside", Client, "Send jwt alone, without the fields of another login type.";
    LoginTypeNotAllowed = "login.type_not_allowed", Client, "Log in by what allowed_login_types of the role has, or have jwt added there.";
    LoginRoleBindsNothing = "login.role_binds_nothing", Operator, "Write the role anew with at least one bound: what is stored of it would admit everybody.";
    LoginAddress = "login.address", Client, "Log in from an address within the token_bound_cidrs of the role.";
    LoginAccountForeign = "login.account_foreign", Client, "Log in from an account that the server looks into; others need an entry in config/sts.";
    // The signed request of an iam login.
    IamMethod = "iam.method", Client, "Sign a POST or GET request and name that method.";
    IamUrl = "iam.url", Client, "Send the base64 of the URL that was signed.";
    IamBody = "iam.body", Client, "Send the base64 of the body that was signed.";
    IamHeaders = "iam.headers", Client, "Send the headers of the signed request as a JSON object, or the base64 of one.";
    IamAction = "iam.action", Client, "Sign a GetCallerIdentity request with no other parameters than Action and Version.";
    IamQueryParameter = "iam.query_parameter", Client, "Presign with the parameters of SigV4 alone; others must be in allowed_sts_header_values.";
    IamHeaderNotAllowed = "iam.header_not_allowed", Client, "Leave the header out, or have it added to allowed_sts_header_values of config/client.";
    IamOtherProduct = "iam.other_product", Client, "Sign a request for this server alone, without the header that the message names.";
    IamTwoSignatures = "iam.two_signatures", Client, "Sign once: in one Authorization header, or in the query of a GET request.";
    ServerIdMissing = "iam.server_id.missing", Client, "Sign the header X-Vault-AWS-IAM-Server-ID with the value of this server: the client sets header_value=.";
    ServerIdMismatch = "iam.server_id.mismatch", Client, "Sign X-Vault-AWS-IAM-Server-ID with the value of this server: the client sets header_value=, and has that of another one.";
    ServerIdNotSigned = "iam.server_id.not_signed", Client, "Add X-Vault-AWS-IAM-Server-ID to SignedHeaders before signing; clients with header_value= do.";
    IamRegionMissing = "iam.region_missing", Client, "Sign with AWS Signature Version 4: its Credential names the region.";
    IamRegionUnknown = "iam.region_unknown", Client, "Sign for a region of AWS.";
    // What strict mode demands of it.
    IamStrictUrl = "iam.strict.url", Client, "Sign for an https URL of STS with the path / and without user name, port and fragment.";
    IamStrictHost = "iam.strict.host", Client, "Sign for a host of STS: sts.amazonaws.com, that of a region, or that of sts_endpoint of config/client.";
    IamStrictHostHeader = "iam.strict.host_header", Client, "Send the Host header that was signed, which is the host of the URL, or none.";
    IamStrictNotSigned = "iam.strict.not_signed", Client, "Sign host, content-type, date and every X-Amz- header that is sent, or leave the header out.";
    IamStrictRepeated = "iam.strict.repeated", Client, "Send each header and each parameter once, with one value.";
    IamStrictOtherServer = "iam.strict.other_server", Client, "Sign without X-Vault-AWS-IAM-Server-ID, or have iam_server_id_header_value of config/client set.";
    // Further requests that come with it.
    EvidenceOff = "iam.evidence.off", Client, "Leave iam_evidence out, or have iam_accept_evidence of config/client set.";
    EvidenceUnbound = "iam.evidence.unbound", Client, "Sign the login last, with the SHA-256 of the decoded iam_evidence in the header that the message names.";
    EvidenceForm = "iam.evidence.form", Client, "Send the base64 of a JSON list of one request about the principal, one about the organization, or both.";
    EvidenceUrl = "iam.evidence.url", Client, "Sign a POST for the https URL of the service that is asked, with the path / and nothing behind it.";
    EvidenceHeaders = "iam.evidence.headers", Client, "Sign Host, Content-Type and each X-Amz- header; send no others, and each once.";
    EvidenceAction = "iam.evidence.action", Client, "Sign GetRole with RoleName, GetUser, or DescribeOrganization with an empty object, and nothing else.";
    EvidenceSignature = "iam.evidence.signature", Client, "Sign with Signature Version 4 in the Authorization header, for the service and region that the message names.";
    EvidenceSigner = "iam.evidence.signer", Client, "Sign all requests with the same credentials: access key and session token.";
    EvidenceServerId = "iam.evidence.server_id", Client, "Sign X-Vault-AWS-IAM-Server-ID in each request, as in the login.";
    EvidencePrincipal = "iam.evidence.principal", Client, "Ask GetRole for the role behind the session, or GetUser for the user that signs.";
    EvidenceDenied = "iam.evidence.denied", Client, "Allow the client's own principal the action that the message names: it signed the request.";
    EvidenceRefused = "iam.evidence.refused", Client, "AWS refused a request of iam_evidence: check credentials, clock and region of the client, then sign anew.";
    // Its age, and whether it was used before.
    IamRequestForm = "iam.request_form", Client, "Sign with AWS4-HMAC-SHA256 and one X-Amz-Date among the signed headers, as the clients of AWS do.";
    IamRequestTooOld = "iam.request_too_old", Client, "Sign anew for each login, and set the clock of the client.";
    IamRequestFromTheFuture = "iam.request_from_the_future", Client, "Set the clock of the client.";
    IamRequestUsed = "iam.request_used", Client, "Sign a new request for each login: at least a second later, or with the header X-Vault-AWS-IAM-Nonce.";
    IamRequestBefore = "iam.request_before", Client, "Sign anew: single use or the server id of the mount is younger than this request.";
    SingleUseServerId = "single_use.server_id", Operator, "Give each mount an iam_server_id_header_value of its own.";
    SingleUseNotLoaded = "single_use.not_loaded", Host, "Try again; if it stays, look into the log of the server: the list of used requests cannot be read.";
    SingleUseFull = "single_use.full", Operator, "Try again in some minutes: as many used requests as may be are kept.";
    IamRequestMaxAge = "iam.request_max_age", Client, "Set iam_request_max_age to at most 900 seconds: AWS takes no older requests.";
    IamRequestRules = "iam.request_rules", Client, "Set iam_request_max_age and iam_request_single_use on roles of auth_type iam.";
    // What STS said of it.
    StsRefused = "sts.refused", Client, "AWS refused the signed request: check credentials, clock and region of the client, then sign anew.";
    StsUnknownKey = "sts.unknown_key", Client, "Sign with an active key of the partition of the STS endpoint; a temporary key, ASIA…, needs its session token signed along.";
    StsSignature = "sts.signature", Client, "Sign anew with the right secret key; see that nothing changes headers, body or Host after signing.";
    StsClock = "sts.clock", Client, "Set the clock of the client, and sign anew for each login: AWS takes a signature for fifteen minutes.";
    StsRegion = "sts.region", Client, "Sign for the region of the STS endpoint, or have sts_endpoint and sts_region or use_sts_region_from_client set to fit.";
    StsService = "sts.service", Client, "Sign for the service sts: the credential scope of the signature names another service.";
    StsScopeDate = "sts.scope_date", Client, "Sign with one date: the day in the credential scope is not that of X-Amz-Date.";
    StsHeaderUnsigned = "sts.header_unsigned", Client, "Sign the header Host, and each X-Amz- header that is sent: SignedHeaders leaves one out.";
    StsIncomplete = "sts.incomplete", Client, "Send the Authorization header whole: AWS4-HMAC-SHA256, Credential, SignedHeaders and Signature, and X-Amz-Date.";
    StsNotSigned = "sts.not_signed", Client, "Sign the request: it has no Authorization header, and no signature in its query.";
    StsSignatureDropped = "sts.signature_dropped", Operator, "Have the proxy between this server and STS pass the Authorization header on: it was sent, and STS saw none.";
    StsExpired = "sts.expired", Client, "Get new AWS credentials, then sign anew: the session of the client has expired.";
    StsDenied = "sts.denied", Operator, "Allow GetCallerIdentity in the policy of the VPC endpoint that leads to STS: no IAM policy can deny it.";
    StsRegionDisabled = "sts.region_disabled", Operator, "Activate STS of this region in the account of the client, or have logins sent to the endpoint of another region.";
    StsAction = "sts.action", Client, "Sign GetCallerIdentity with Version=2011-06-15; if the client did, something changes the body on the way.";
    StsAccount = "sts.account", Client, "Have the owner of the client's AWS account restore it: AWS has suspended it, or it is not signed up.";
    StsElsewhere = "sts.elsewhere", Operator, "Something else answers in the place of STS: check sts_endpoint of config/client, proxies and captive portals.";
    StsTooManyWait = "sts.too_many_wait", Aws, "STS answers too slowly for the logins that come; check that this server reaches it, and try again in a moment.";
    StsNoAnswer = "sts.no_answer", Aws, "Check that this server reaches the STS endpoint of config/client.";
    StsUnreachable = "sts.unreachable", Operator, "Give this server a way to STS: name server, network, proxy; in a closed VPC an endpoint with private DNS.";
    StsUnreadable = "sts.unreadable", Aws, "Check that sts_endpoint of config/client is an STS endpoint, and no proxy answers in its place.";
    StsContentType = "sts.content_type", Client, "Sign without an Accept header and for the path /; if all logins end so, check that sts_endpoint is an STS endpoint.";
    StsDisagrees = "sts.disagrees", Aws, "The answer contradicts itself, so nobody is admitted; check that sts_endpoint is an STS endpoint.";
    // Web identity tokens of AWS.
    JwtForm = "jwt.form", Client, "Send the token as sts:GetWebIdentityToken gives it: three parts in base64url, at most 16 KiB.";
    JwtAlgorithm = "jwt.algorithm", Client, "Get a token with SigningAlgorithm RS256 or ES384, as allowed_algorithms of config/jwt-issuer has it.";
    JwtIssuer = "jwt.issuer", Client, "Have the issuer of the account written to config/jwt-issuer/<account>, exactly as tokens name it, and once.";
    JwtKey = "jwt.key", Client, "Send a token that AWS has signed; if a key was changed just now, try again in half a minute.";
    JwtKeysNotFetched = "jwt.keys_not_fetched", Operator, "Let this server reach the jwks_url of config/jwt-issuer by HTTPS; the log has what went wrong.";
    JwtSignature = "jwt.signature", Client, "Send the token unchanged, as sts:GetWebIdentityToken gives it.";
    JwtClaim = "jwt.claim", Client, "Send a token of sts:GetWebIdentityToken of an IAM role or user: others lack the claim.";
    JwtAudience = "jwt.audience", Client, "Ask for a token with the audience that config/jwt-issuer of this server has.";
    JwtExpired = "jwt.expired", Client, "Get a new token for each login.";
    JwtFuture = "jwt.future", Operator, "Set the clock of this server: AWS dates the token more than a minute ahead.";
    JwtBefore = "jwt.before", Client, "Get a new token: the issuer was configured after this one was issued.";
    JwtAccount = "jwt.account", Operator, "Write the issuer to config/jwt-issuer/<account> of the account that it is of.";
    JwtUsed = "jwt.used", Client, "Get a new token for each login: one admits once.";
    JwtSharedAudience = "jwt.shared_audience", Operator, "Give each mount an audience of its own in config/jwt-issuer.";
    JwtNotShown = "jwt.not_shown", Operator, "Use a role without resolve_aws_unique_ids, tags and inferencing, or log in by a signed request.";
    JwtAliasNotShown = "jwt.alias_not_shown", Operator, "Set iam_alias to canonical_arn, full_arn or role_id, without iam_alias_tags, or log in by a signed request.";
    // The principal.
    PrincipalKind = "iam.principal_kind", Client, "Log in as an IAM user or role; other principals cannot.";
    PrincipalNotBound = "iam.principal_not_bound", Client, "Log into a role that binds this principal, or have it added to bound_iam_principal_arn.";
    PrincipalRecreated = "iam.principal_recreated", Client, "Sign with new credentials: the principal was deleted and made again since these were issued.";
    PrincipalIdChanged = "iam.principal_id_changed", Operator, "Write the role anew: the principal that it binds was deleted, and one of the same name was made since.";
    PrincipalPath = "iam.principal_path", Operator, "Bind the ARN without its path: STS tells none, so without resolve_aws_unique_ids one with a path matches nobody.";
    PrincipalSession = "iam.principal_session", Operator, "Bind the ARN of the role, arn:aws:iam::<account>:role/<name>: that of one of its sessions matches nobody.";
    OtherPartition = "iam.other_partition", Client, "Log into a role whose inferred_aws_region is of the partition of the principal.";
    TagsNotBound = "iam.tags_not_bound", Client, "Log into a role that binds the tags of this principal, or have the tags set on the IAM role or user.";
    TagsAmbiguous = "iam.tags_ambiguous", Operator, "Remove one of the two tags of the IAM role or user whose keys differ in case alone.";
    // The organization of an account.
    OrganizationNotBound = "organization.not_bound", Client, "Log in from an account of the organization or organizational unit that the role binds.";
    OrganizationNoPaths = "organization.no_paths", Operator, "Bind bound_organization_ids instead: Organizations does not tell the organizational unit of accounts.";
    OrganizationsDenied = "organization.denied", Operator, "Allow organizations:DescribeAccount, in the management account or one that it delegates to.";
    OrganizationsNotInUse = "organization.not_in_use", Operator, "Give the server credentials of an account that is in an organization, or bind no organization.";
    // The identity document of an ec2 login.
    Ec2FormMissing = "ec2.form_missing", Client, "Send pkcs7, or identity together with signature.";
    Ec2FormBoth = "ec2.form_both", Client, "Send either pkcs7 or identity with signature.";
    Ec2FormBase64 = "ec2.form_base64", Client, "Send the document and its signature as the metadata service gives them, in base64.";
    Ec2Pkcs7Unreadable = "ec2.pkcs7_unreadable", Client, "Send pkcs7 or rsa2048 as the metadata service gives it: one message with the document in it.";
    Ec2SignatureUntrusted = "ec2.signature_untrusted", Client, "Send the document unchanged; for a region with a certificate of its own, have that added under config/certificate.";
    Ec2DocumentUnreadable = "ec2.document_unreadable", Client, "Send the instance identity document as the metadata service gives it.";
    Ec2Busy = "ec2.busy", Client, "Try again in a moment: as many identity documents as may be are waiting for their verification.";
    Ec2StoredCertificate = "ec2.stored_certificate", Operator, "Write the certificate under config/certificate anew, or delete it: it cannot be read.";
    // The instance.
    InstanceUnknown = "instance.unknown", Client, "Name the session after an instance that is in the account and region of the role.";
    InstanceRegion = "instance.region", Client, "Send the instance identity document as the metadata service gives it: its region is none of AWS.";
    InstanceNotRunning = "instance.not_running", Client, "Log in from a running instance.";
    InstanceIncomplete = "instance.incomplete", Aws, "EC2 left out what the role binds; try again, the instance may be new.";
    InstanceBoundAccount = "instance.bound.account", Client, "The instance's account is not in bound_account_id of the role.";
    InstanceBoundAmi = "instance.bound.ami", Client, "The instance's AMI is not in bound_ami_id of the role.";
    InstanceBoundInstanceId = "instance.bound.instance_id", Client, "The instance is not in bound_ec2_instance_id of the role.";
    InstanceBoundProfile = "instance.bound.profile", Client, "The instance profile is not in bound_iam_instance_profile_arn of the role.";
    InstanceBoundRegion = "instance.bound.region", Client, "The instance's region is not in bound_region of the role.";
    InstanceBoundRole = "instance.bound.role", Client, "The role of the instance profile is not in bound_iam_role_arn of the role.";
    InstanceBoundSubnet = "instance.bound.subnet", Client, "The instance's subnet is not in bound_subnet_id of the role.";
    InstanceBoundVpc = "instance.bound.vpc", Client, "The instance's VPC is not in bound_vpc_id of the role.";
    // Earlier logins of an instance.
    NonceMismatch = "ec2.nonce_mismatch", Client, "Send the nonce of the instance's first login, or have its identity-accesslist entry deleted.";
    NonceTooLong = "ec2.nonce_too_long", Client, "Choose a nonce of at most 128 characters.";
    NonceNotStored = "ec2.nonce_not_stored", Operator, "Delete the instance's identity-accesslist entry: it has no nonce.";
    ReauthenticationDisabled = "ec2.reauthentication_disabled", Client, "This instance may log in once only; have its identity-accesslist entry deleted.";
    DocumentOlder = "ec2.document_older", Client, "Send the current identity document: an earlier login had a later one.";
    MigrationNotLater = "ec2.migration_not_later", Client, "Without the nonce, only a document of a later start of the instance is taken.";
    PendingTime = "ec2.pending_time", Client, "Send the instance identity document as the metadata service gives it.";
    // Role tags of a login.
    RoleTagMissing = "role_tag.missing", Client, "Put the tag that the role names on the instance.";
    RoleTagMalformed = "role_tag.malformed", Client, "Put the tag value on the instance exactly as role/<name>/tag gave it.";
    RoleTagSignature = "role_tag.signature", Client, "Put a tag value on the instance that was made for this role of this mount.";
    RoleTagOtherRole = "role_tag.other_role", Client, "Log into the role that the tag was made for.";
    RoleTagOtherInstance = "role_tag.other_instance", Client, "Use the tag on the instance that it was made for.";
    RoleTagDenied = "role_tag.denied", Client, "Make a new tag: this one is on the deny list.";
    RoleTagRoleUnknown = "role_tag.role_unknown", Client, "Make a new tag: there is no role of the name in this one.";
    RoleTagPolicies = "role_tag.policies", Client, "Make a tag whose policies the role has.";
    // Calls of the server to AWS.
    AccountNotConfigured = "aws.account_not_configured", Operator, "Write config/sts/<account> with a role in that account that the server may assume.";
    NoCredentials = "aws.no_credentials", Operator, "Give the server AWS credentials: config/client, its environment, or a role of its instance or pod.";
    CredentialsIncomplete = "aws.credentials_incomplete", Operator, "Write both access_key and secret_key to config/client, or neither.";
    CredentialsUnsendable = "aws.credentials_unsendable", Operator, "Write the key that the message names anew: without line breaks and other control characters.";
    ServerRefused = "aws.refused", Operator, "AWS refused a call of the server itself: check its credentials and their permissions.";
    AwsThrottled = "aws.throttled", Aws, "AWS limits the calls of this account; try again in a moment.";
    AwsNoAnswer = "aws.no_answer", Aws, "Check that this server reaches the endpoint.";
    AwsServerErrors = "aws.server_errors", Aws, "AWS answers with server errors or asks for patience; try again in a moment.";
    AwsUnreadable = "aws.unreadable", Aws, "Check that the endpoint of config/client is that of the service, and no proxy answers in its place.";
    BudgetUsedUp = "aws.budget_used_up", Aws, "The mount keeps below AWS's limits; try again in a moment.";
    CallerCrowded = "aws.caller_crowded", Client, "Too many logins of one principal wait for AWS at once; try again in a moment, and name sessions after instances that exist.";
    AwsUntrusted = "aws.untrusted", Operator, "Have the plugin trust the certificate of the endpoint, with SSL_CERT_FILE if it is none of a public authority.";
    ProxySetting = "host.proxy", Host, "Correct HTTPS_PROXY and HTTP_PROXY in the environment of the plugin: http, https, socks5 or socks5h.";
    EndpointInvalid = "aws.endpoint_invalid", Operator, "Correct the endpoint in config/client: an http or https URL without user, query and fragment.";
    RegionInvalid = "aws.region_invalid", Operator, "Configure a region of AWS.";
    AccountElsewhere = "aws.account_elsewhere", Operator, "Correct config/sts/<account>: its role looks into another account.";
    IamEntityUnknown = "aws.iam_entity_unknown", Client, "Name an IAM user, role or instance profile that exists.";
    AwsRegionDisabled = "aws.region_disabled", Operator, "Activate STS of that region in the account, or set sts_endpoint and sts_region of config/client to one that is active.";
    AwsAccountBlocked = "aws.account_blocked", Operator, "AWS serves the account no such calls: have its owner sign up for the service, or have AWS lift the suspension.";
    AwsRoleValue = "aws.role_value", Operator, "Correct sts_role or external_id of config/sts/<account>, or role_arn of config/client: AWS takes no such value.";
    AwsSessionDuration = "aws.session_duration", Operator, "Raise the maximum session duration of the role, or give the server keys of a user: a chained session ends after an hour.";
    AwsSessionPolicy = "aws.session_policy", Operator, "Shorten session policy and session tags of the role: AWS does not take what it is assumed with.";
    IamEntityMissing = "aws.iam_entity_missing", Operator, "Check the account of config/sts/<account>: IAM that was asked has no entity of this name; it may have been deleted.";
    IdentityTokenIssuer = "identity_token.issuer", Operator, "Create an OpenID Connect provider in the account of role_arn whose URL is the issuer of the host's identity tokens.";
    IdentityTokenKeys = "identity_token.keys", Operator, "Let AWS fetch discovery document and keys (JWKS) of the issuer: publicly, by HTTPS, with the key that signs now.";
    IdentityTokenAudience = "identity_token.audience", Operator, "Add identity_token_audience of config/client to the client ids (audiences) of the OpenID Connect provider in AWS.";
    IdentityTokenRefused = "identity_token.refused", Operator, "Check issuer, keys and audience of the OpenID Connect provider in AWS: it does not take the host's identity token.";
    IdentityTokenExpired = "identity_token.expired", Operator, "Raise identity_token_ttl of config/client, and set the server's clock: the host's identity token had expired.";
    IdentityTokenUnreachable = "identity_token.unreachable", Operator, "Let AWS reach the issuer of the identity tokens: its name, its network and its TLS certificate; then try again.";
    IdentityTokenClaim = "identity_token.claim", Operator, "The issuer rejects a claim of the identity token: compare its subject and claims with what the issuer knows.";
    OutboundTokenDisabled = "outbound_token.disabled", Client, "Have iam:EnableOutboundWebIdentityFederation called in the account of the client: it issues no such tokens yet.";
    OutboundTokenDuration = "outbound_token.duration", Client, "Ask for a shorter life: the token may not outlive the session that asks for it.";
    OutboundTokenSize = "outbound_token.size", Client, "Ask for fewer or shorter tags and audiences: the token would be too large.";
    PartitionUnknown = "aws.partition_unknown", Client, "Use an ARN of a partition of AWS.";
    ArnMalformed = "aws.arn_malformed", Client, "Give the whole ARN of an IAM user, role or instance profile.";
    OutOfTime = "aws.out_of_time", Aws, "AWS took longer than a request may; try again.";
    // Stored entries and the node.
    EntryUnreadable = "entry.unreadable", Operator, "Write the entry anew, or delete it: what is stored cannot be read.";
    EntryContended = "entry.contended", Client, "Try again: others write the same entry.";
    EntryVersion = "entry.version_unknown", Operator, "The entry was written by a newer version; run that version.";
    StorageFailed = "host.storage", Host, "Look into the log of the server: its storage failed.";
    HostProtocol = "host.protocol", Host, "Report this with the version of the server: its request does not follow the plugin protocol.";
    SystemViewFailed = "host.system_view", Host, "Look into the log of the server: it did not answer the plugin.";
    RandomFailed = "host.random", Host, "Look into the log of the server: there was no randomness.";
    ReadOnly = "node.read_only", Host, "Nothing to do: the server sends the request on to a node that can write.";
    PluginDefect = "plugin.defect", Host, "Report this to the developers of the plugin, with the log line.";
    AliasUnknown = "config.alias_unknown", Operator, "Write iam_alias and ec2_alias of config/identity anew.";
    // Renewals.
    RenewalRoleGone = "renewal.role_gone", Operator, "The role was deleted; log in again with another.";
    RenewalNotBound = "renewal.principal_not_bound", Operator, "The role no longer binds the principal; log in again with another.";
    RenewalInstance = "renewal.instance_gone", Operator, "The instance is gone or has stopped; its token ends.";
    RenewalAccessList = "renewal.access_list_gone", Operator, "The instance's identity-accesslist entry was deleted; its token ends.";
    RenewalTokenData = "renewal.token_data", Operator, "The token was made by another method or version; log in again.";
    // Writing roles.
    RoleAuthType = "role.auth_type", Client, "Set auth_type to iam or ec2; a role keeps the one it was made with.";
    RoleInference = "role.inference", Client, "Set inferred_entity_type=ec2_instance and inferred_aws_region together, on a role of auth_type iam.";
    RoleReauthentication = "role.reauthentication", Client, "Set either disallow_reauthentication or allow_instance_migration, on a role of auth_type ec2.";
    RoleUniqueIds = "role.unique_ids", Client, "Make a new role: resolve_aws_unique_ids cannot be turned off again.";
    RoleBinds = "role.binds", Client, "Set only bounds that go with the auth_type and inference of the role.";
    RoleTags = "role.tags", Client, "Give tags as key=value, with a star at the end of a value at the most.";
    RoleOrganization = "role.organization", Client, "Give ids as o-abcdefghij and paths as o-abcdefghij/r-abcd/ou-abcd-abcdefgh/, with a slash at the end.";
    RoleLoginTypes = "role.login_types", Client, "Give iam_request, jwt or both; jwt on roles that demand what a token shows alone.";
    RoleBindsNothing = "role.binds_nothing", Client, "Set at least one bound.";
    RoleTtl = "role.ttl", Client, "Keep ttl below max_ttl, and period below the mount's maximum lease TTL.";
    RoleTagField = "role.role_tag", Client, "Set role_tag to a tag key of at most 127 characters, on a role of auth_type ec2.";
    RoleSpelling = "role.spelling", Client, "Write the name of the role in lower case: strict mode takes no other spelling.";
    RoleNotFound = "role.not_found", Client, "Write the role first.";
    RoleStored = "role.stored", Operator, "Write the role anew: what is stored of it does not fit together.";
    // Token parameters of roles.
    TokenCidrs = "token.bound_cidrs", Client, "Give addresses or CIDR blocks.";
    TokenType = "token.type", Client, "Set token_type to service, batch, default, default-service or default-batch.";
    TokenNumUses = "token.num_uses", Client, "Set token_num_uses to zero or more.";
    TokenBatch = "token.batch", Client, "Batch tokens have neither a period nor a limited number of uses.";
    TokenTtl = "token.ttl", Client, "Keep token_ttl below token_max_ttl.";
    TokenStrictBind = "token.strict_bind", Client, "Set either token_strictly_bind_ip or token_bound_cidrs.";
    // Role tags that are made.
    TagRole = "tag.role", Client, "Write a role with role_tag set, then make tags for it.";
    TagFlags = "tag.flags", Client, "Set either disallow_reauthentication or allow_instance_migration.";
    TagTooLong = "tag.too_long", Client, "Ask for fewer or shorter values: EC2 takes tag values of at most 255 characters.";
    // Configuration.
    ConfigCredentials = "config.client.credentials", Client, "Set either access_key with secret_key, or identity_token_audience with role_arn.";
    ConfigRotation = "config.client.rotation", Client, "Set either rotation_schedule with rotation_window, or rotation_period.";
    ConfigRotationSchedule = "config.client.rotation_schedule", Client, "Give a schedule of five cron fields.";
    ConfigRotationManager = "config.client.rotation_manager", Host, "The server's rotation manager did not take the job, or there is none; without it, rotate with config/rotate-root.";
    ConfigRotateInPlugin = "config.client.rotate_in_plugin", Client, "Leave rotate_in_plugin to servers without a rotation manager; give periods and windows of ten minutes or more.";
    ConfigIdentityToken = "config.client.identity_token", Host, "The server does not issue identity tokens for plugins; use other credentials.";
    ConfigAlias = "config.identity.alias", Client, "Choose one of the values that the message lists.";
    ConfigMetadata = "config.identity.metadata", Client, "Choose from the fields that the message lists, or default alone.";
    ConfigAliasTags = "config.identity.alias_tags", Client, "Give tag=key, with keys of letters, digits and = / + _ - that no other metadata has.";
    ConfigSts = "config.sts", Client, "Give sts_role, the ARN of the role that is assumed in the account.";
    ConfigCertificate = "config.certificate", Client, "Give aws_public_cert, the base64 of a PEM certificate, and type pkcs7 or identity.";
    ConfigJwtIssuer = "config.jwt_issuer", Client, "Give issuer and jwks_url as https URLs, one audience or more, and algorithms out of RS256 and ES384.";
    // The mount as an issuer of its own.
    ConfigIssuer = "config.issuer", Client, "Give issuer, an https URL without port, and values within the bounds that the message names.";
    IssuerAbsent = "issuer.absent", Client, "Write config/issuer first.";
    IssuerRotating = "issuer.rotating", Client, "Wait until the next key signs, or rotate with immediate=true, which drops the others.";
    IssuerKey = "issuer.key", Operator, "Rotate with issuer/rotate and immediate=true: the stored key cannot be used.";
    // Rotation of the server's access key.
    RotationUnset = "rotation.unset", Operator, "Write access_key and secret_key to config/client first: only those can be rotated.";
    RotationRefused = "rotation.refused", Operator, "Give the server's user iam:GetUser, iam:CreateAccessKey and iam:DeleteAccessKey on itself.";
    RotationRootUser = "rotation.root_user", Operator, "Configure the key of an IAM user: that of an account's root user is not rotated.";
    RotationNotAUser = "rotation.not_a_user", Operator, "Configure the key of an IAM user: credentials of a role's session have no key that could be rotated.";
    RotationChanged = "rotation.changed", Client, "Try again: config/client was written meanwhile.";
    RotationUnstored = "rotation.unstored", Operator, "Delete the access key that the message names: it was made and could not be stored.";
    RotationTwoKeys = "rotation.two_keys", Operator, "Delete the access key of the server's user that is not in config/client: a rotation needs room for a second one.";
    RotationUnderWay = "rotation.under_way", Client, "Try again in a few minutes: the plugin itself rotates the key at this moment.";
    RotationNotAccepted = "rotation.not_accepted", Operator, "Check sts_endpoint and sts_region of config/client: the Security Token Service did not take the new key.";
    RotationUnused = "rotation.unused", Operator, "Delete the access key that the message names, or let its user do so: it was made by a rotation and is not used.";
    RotationOldKey = "rotation.old_key", Operator, "Delete the old access key that the message names: the new one is stored and used.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_of_one_shape() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for name in names {
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '_'),
                "{name}"
            );
        }
    }

    #[test]
    fn a_hint_is_one_sentence_on_one_line() {
        for code in Code::ALL {
            let hint = code.hint();
            assert!(hint.ends_with('.') && !hint.contains('\n') && hint.len() <= 140, "{code}: {hint}");
        }
    }
}
